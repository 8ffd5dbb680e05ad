import { momentsOf, valuesOf } from "../numbers.ts";
import { number } from "../options.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import { type Kept, keepColumns } from "./keep-columns.ts";

/** Drops columns of numbers that hardly vary. */
export interface SelectVarianceSpec extends TransformSpec {
  readonly kind: "select-variance";
  /** Columns with a variance up to this are dropped; 0, so only constant ones, by default. */
  readonly threshold?: number;
}

export const selectVariance: TransformKind<SelectVarianceSpec, Kept> = {
  kind: "select-variance",
  options: { threshold: number({ min: 0 }) },
  takes: ["numeric"],
  fit({ table }, { threshold = 0 }) {
    const kept = [...table.columns]
      .filter(([, column]) => {
        const values = valuesOf(column, table.rows);
        const { variance } = momentsOf(values);
        // Rounding leaves a variance where there is none, but no range.
        return threshold > 0 ? variance > threshold : Math.min(variance, rangeOf(values)) > 0;
      })
      .map(([name]) => name);
    return { state: { kept } };
  },
  open: keepColumns,
};

function rangeOf(values: Float64Array): number {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return max - min;
}
