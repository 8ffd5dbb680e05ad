import type { DenseRows } from "../../formats/rows.ts";
import { foldsOf } from "../analysis/split-rows.ts";
import { type Problem, widthOf } from "../problem.ts";
import type { FitFeatures } from "./pipeline.ts";

/** Rows of the mean over everything that each category is given besides its own: rare ones say little. */
const smoothing = 10;
/** Parts of the training rows, each of which is encoded by the others. */
const folds = 5;
/** Classes that have a column each; of more, the first ones. */
const maxClasses = 8;

/** A column of many names: the target's mean over the rows that have each, one for each class, and how many those are. */
export interface TargetEncoder {
  readonly kind: "target";
  readonly column: string;
  readonly names: readonly string[];
  /** What a name that was never seen is worth. */
  readonly prior: readonly number[];
  /** By name: the means, and the logarithm of the count. */
  readonly means: Readonly<Record<string, readonly number[]>>;
}

/** Averages the target for each name (Micci-Barreca 2001, with a constant weight of the prior). */
export function fitTargetMeans(
  column: string,
  values: readonly string[],
  labels: Float64Array,
  problem: Problem,
): TargetEncoder {
  const outputs = Math.min(widthOf(problem), maxClasses);
  const targets = targetsOf(labels, problem, outputs);
  const prior = meansOf(targets, outputs);
  const of = outputs === 1 ? ["target"] : problem.classes.slice(0, outputs);
  return {
    ...{ kind: "target", column, prior, means: means(values, targets, outputs, prior) },
    names: [...of.map((name) => `${column} by ${name}`), `${column} by count`],
  };
}

/** Writes a value's columns. */
export function writeTargetMeans(encoder: TargetEncoder, text: string, into: Float32Array, at: number): void {
  const known = Object.hasOwn(encoder.means, text) ? encoder.means[text] : undefined;
  const values = known ?? [...encoder.prior, 0];
  for (let i = 0; i < values.length; i++) into[at + i] = values[i] as number;
}

/** Writes the columns of training rows over: each by the means of the rows of other folds. */
export function outOfFold(
  encoder: TargetEncoder,
  values: readonly string[],
  { labels, problem, seed }: Pick<FitFeatures, "labels" | "problem" | "seed">,
  rows: DenseRows,
  at: number,
): void {
  const outputs = encoder.prior.length;
  const targets = targetsOf(labels, problem, outputs);
  const of = foldsOf(values.length, folds, problem.type === "Regression" ? undefined : labels, seed);
  for (let fold = 0; fold < folds; fold++) {
    const others = values.map((_, row) => row).filter((row) => of[row] !== fold);
    const own = means(
      others.map((row) => values[row] as string),
      Float64Array.from(others.flatMap((row) => [...targets.subarray(row * outputs, (row + 1) * outputs)])),
      outputs,
      encoder.prior,
    );
    const inner = { ...encoder, means: own };
    for (let row = 0; row < values.length; row++) {
      if (of[row] === fold) writeTargetMeans(inner, values[row] as string, rows.values, row * rows.width + at);
    }
  }
}

/** Shape (rows, outputs): 1 for the row's class, or the value. */
function targetsOf(labels: Float64Array, problem: Problem, outputs: number): Float64Array {
  if (widthOf(problem) === 1) return labels;
  const targets = new Float64Array(labels.length * outputs);
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] as number;
    if (label < outputs) targets[row * outputs + label] = 1;
  }
  return targets;
}

function meansOf(targets: Float64Array, outputs: number): number[] {
  const count = targets.length / outputs;
  const sums = Array.from({ length: outputs }, () => 0);
  for (let i = 0; i < targets.length; i++) sums[i % outputs] = (sums[i % outputs] as number) + (targets[i] as number);
  return sums.map((sum) => sum / count);
}

function means(
  values: readonly string[],
  targets: Float64Array,
  outputs: number,
  prior: readonly number[],
): Record<string, readonly number[]> {
  const sums = new Map<string, Float64Array>();
  for (const [row, value] of values.entries()) {
    const own = sums.get(value) ?? new Float64Array(outputs + 1);
    for (let k = 0; k < outputs; k++) own[k] = (own[k] as number) + (targets[row * outputs + k] as number);
    own[outputs] = (own[outputs] as number) + 1;
    sums.set(value, own);
  }
  const entries = [...sums].map(([value, own]): [string, number[]] => {
    const count = own[outputs] as number;
    const smooth = prior.map((mean, k) => ((own[k] as number) + smoothing * mean) / (count + smoothing));
    return [value, [...smooth, Math.log1p(count)]];
  });
  return Object.assign(Object.create(null), Object.fromEntries(entries)) as Record<string, readonly number[]>;
}
