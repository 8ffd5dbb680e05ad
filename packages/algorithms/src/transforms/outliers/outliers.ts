import { CustomerError } from "../../job/errors.ts";
import { eachColumn, mapNumbers, momentsOf, quantile, sortedPresent } from "../numbers.ts";
import { number, oneOf } from "../options.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";

/** Deals with values that lie far from the others of their column. */
export interface OutliersSpec extends TransformSpec {
  readonly kind: "outliers";
  /** What is far: more than some standard deviations from the mean, or beyond two quantiles. */
  readonly method: "standard-deviations" | "quantiles";
  /** 3 by default. */
  readonly deviations?: number;
  /** 0.05 by default. */
  readonly lower?: number;
  /** 0.95 by default. */
  readonly upper?: number;
  /**
   * `clip`, the default, moves them to the bound; `missing` takes them away; `remove` leaves out training rows that have one,
   * and lets all other rows pass.
   */
  readonly fix?: "clip" | "missing" | "remove";
}

interface State {
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  readonly fix: "clip" | "missing" | "remove";
}

export const outliers: TransformKind<OutliersSpec, State> = {
  kind: "outliers",
  options: {
    method: oneOf("standard-deviations", "quantiles"),
    deviations: number({ above: 0 }),
    lower: number({ min: 0, max: 1 }),
    upper: number({ min: 0, max: 1 }),
    fix: oneOf("clip", "missing", "remove"),
  },
  takes: ["numeric"],
  fit({ table }, spec) {
    const bounds = eachColumn(table, (values) => boundsOf(values, spec));
    const low = bounds.map((bound) => bound?.[0] ?? null);
    const high = bounds.map((bound) => bound?.[1] ?? null);
    const state: State = { low, high, fix: spec.fix ?? "clip" };
    if (state.fix !== "remove") return { state };
    const isOut = new Uint8Array(table.rows);
    eachColumn(table, (values) => values).forEach((values, column) => {
      const [least, most] = [low[column] ?? -Infinity, high[column] ?? Infinity];
      for (let row = 0; row < values.length; row++) {
        const value = values[row] as number;
        if (value < least || value > most) isOut[row] = 1;
      }
    });
    return { state, rows: Uint32Array.from(isOut.keys()).filter((row) => isOut[row] === 0) };
  },
  open({ low, high, fix }) {
    if (fix === "remove") return (table) => table;
    return (table) =>
      mapNumbers(table, (values, column) => {
        const [least, most] = [low[column] ?? -Infinity, high[column] ?? Infinity];
        const [below, above] = fix === "clip" ? [least, most] : [Number.NaN, Number.NaN];
        return values.map((value) => (value < least ? below : value > most ? above : value));
      });
  },
};

/** @returns undefined for a column without any value. */
function boundsOf(values: Float64Array, spec: OutliersSpec): [number, number] | undefined {
  const { method, deviations = 3, lower = 0.05, upper = 0.95 } = spec;
  if (method === undefined) throw new CustomerError("Transform 'outliers' needs the option 'method'.");
  if (method === "standard-deviations") {
    const { count, mean, variance } = momentsOf(values);
    const width = deviations * Math.sqrt(variance);
    return count === 0 ? undefined : [mean - width, mean + width];
  }
  if (lower > upper)
    throw new CustomerError(`Option 'lower' of transform 'outliers' is above 'upper': ${lower} and ${upper}.`);
  const sorted = sortedPresent(values);
  return sorted.length === 0 ? undefined : [quantile(sorted, lower), quantile(sorted, upper)];
}
