import { eachColumn, mapNumbers, sortedPresent } from "../numbers.ts";
import { whole } from "../options.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";

/** Replaces numbers by the number of their bin, from 0; bins have nearly equal numbers of training rows. Gaps stay. */
export interface QuantileBinsSpec extends TransformSpec {
  readonly kind: "quantile-bins";
  /** 5 by default. Equal values are never divided, so there may be fewer. */
  readonly bins?: number;
}

interface State {
  /** For each column the bounds between bins; a value on a bound is in the upper one. */
  readonly bounds: readonly (readonly number[])[];
}

/** Bounds that are nearer than this are one, as in scikit-learn. */
const nearest = 1e-8;

export const quantileBins: TransformKind<QuantileBinsSpec, State> = {
  kind: "quantile-bins",
  options: { bins: whole({ min: 2, max: 10_000 }) },
  takes: ["numeric"],
  fit({ table }, { bins = 5 }) {
    const bounds = eachColumn(table, (values) => {
      const sorted = sortedPresent(values);
      if (sorted.length === 0) return [];
      const all = Array.from({ length: bins + 1 }, (_, i) => averagedQuantile(sorted, i, bins));
      const apart = all.filter((bound, i) => i === 0 || bound - (all[i - 1] as number) > nearest);
      return apart.slice(1, -1);
    });
    return { state: { bounds } };
  },
  open({ bounds }) {
    const own = bounds.map((each) => Float64Array.from(each));
    return (table) =>
      mapNumbers(table, (values, column) => {
        const edges = own[column] as Float64Array;
        return values.map((value) => (Number.isNaN(value) ? value : placeOf(value, edges)));
      });
  },
};

/** The quantile i / n, the mean of two values where both divide them so (type 2 of Hyndman and Fan 1996). */
function averagedQuantile(sorted: Float64Array, i: number, n: number): number {
  const place = (sorted.length * i) / n;
  const last = sorted.length - 1;
  const at = Math.min(Math.max(Math.ceil(place) - 1, 0), last);
  const next = Math.min(Math.floor(place), last);
  return ((sorted[at] as number) + (sorted[next] as number)) / 2;
}

/** How many bounds a value is not below. */
function placeOf(value: number, bounds: Float64Array): number {
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bounds[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
