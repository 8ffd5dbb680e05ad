import { CustomerError } from "../../job/errors.ts";
import { labelsOf } from "../encode/labels.ts";
import { refuseGaps } from "../gaps.ts";
import { eachColumn, momentsOf } from "../numbers.ts";
import { whole } from "../options.ts";
import { type Column, denseValues } from "../table/column.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";
import { type Kept, keepColumns } from "./keep-columns.ts";

/**
 * Keeps the columns of numbers that tell most of the target, each looked at alone: by the F statistic of their correlation
 * with numbers, or of their variance between classes and within (ANOVA).
 */
export interface SelectBestSpec extends TransformSpec {
  readonly kind: "select-best";
  /** How many stay; 10 by default. */
  readonly count?: number;
}

export const selectBest: TransformKind<SelectBestSpec, Kept> = {
  kind: "select-best",
  options: { count: whole({ min: 1 }) },
  takes: ["numeric"],
  fit({ table, target }, { count = 10 }) {
    if (target === undefined) throw new CustomerError("Transform 'select-best' needs a target to learn from.");
    refuseGaps("select-best", table);
    const scores = eachColumn(table, scorer(target, table.rows));
    const best = new Set(
      [...scores.keys()]
        // Of equal ones the last, as scikit-learn has it; a column that does not vary tells nothing.
        .sort((a, b) => rank(scores[b]) - rank(scores[a]) || b - a)
        .slice(0, count),
    );
    return { state: { kept: [...table.columns.keys()].filter((_, column) => best.has(column)) } };
  },
  open: keepColumns,
};

function rank(score: number | undefined): number {
  return score === undefined || Number.isNaN(score) ? -1 : Math.min(score, Number.MAX_VALUE);
}

/** The F statistic of a column. */
export function scorer(target: Column, rows: number): (values: Float64Array) => number {
  if (target.kind === "text") {
    const { codes, counts } = labelsOf(target, rows);
    return (values) => analysisOfVariance(values, codes, counts);
  }
  const wanted = denseValues(target, rows);
  const of = momentsOf(wanted);
  return (values) => {
    const { mean, variance } = momentsOf(values);
    let product = 0;
    for (let i = 0; i < rows; i++) product += ((values[i] as number) - mean) * ((wanted[i] as number) - of.mean);
    const squared = (product / rows) ** 2 / (variance * of.variance);
    return (squared / (1 - squared)) * (rows - 2);
  };
}

function analysisOfVariance(values: Float64Array, codes: Uint32Array, counts: readonly number[]): number {
  const { mean } = momentsOf(values);
  const sums = new Float64Array(counts.length);
  for (let i = 0; i < values.length; i++)
    sums[codes[i] as number] = (sums[codes[i] as number] as number) + (values[i] as number);
  const means = sums.map((sum, code) => sum / (counts[code] as number));
  const between = means.reduce((total, own, code) => total + (counts[code] as number) * (own - mean) ** 2, 0);
  let within = 0;
  for (let i = 0; i < values.length; i++)
    within += ((values[i] as number) - (means[codes[i] as number] as number)) ** 2;
  return between / (counts.length - 1) / (within / (values.length - counts.length));
}
