import { refuseGaps } from "../gaps.ts";
import { eachColumn, momentsOf } from "../numbers.ts";
import { number } from "../options.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import { type Kept, keepColumns } from "./keep-columns.ts";

/** Drops columns of numbers that say nearly what an earlier one says, by Pearson's correlation. */
export interface SelectCorrelationSpec extends TransformSpec {
  readonly kind: "select-correlation";
  /** A column whose correlation with an earlier one that stays is above this, or below its negative, is dropped; 0.95 by default. */
  readonly threshold?: number;
}

export const selectCorrelation: TransformKind<SelectCorrelationSpec, Kept> = {
  kind: "select-correlation",
  options: { threshold: number({ min: 0, max: 1 }) },
  takes: ["numeric"],
  fit({ table }, { threshold = 0.95 }) {
    refuseGaps("select-correlation", table);
    const names = [...table.columns.keys()];
    const kept: { name: string; values: Float64Array }[] = [];
    eachColumn(table, standardized).forEach((values, column) => {
      const isNew = kept.every((other) => !(Math.abs(dot(values, other.values)) > threshold));
      if (isNew) kept.push({ name: names[column] as string, values });
    });
    return { state: { kept: kept.map(({ name }) => name) } };
  },
  open: keepColumns,
};

/** Values less their mean, as a vector of length 1; of length 0 where they do not vary. */
function standardized(values: Float64Array): Float64Array {
  const { count, mean, variance } = momentsOf(values);
  const length = Math.sqrt(count * variance) || 1;
  return values.map((value) => (value - mean) / length);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
