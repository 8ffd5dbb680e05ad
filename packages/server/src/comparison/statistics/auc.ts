import { confidence, type Difference, type Estimate } from "./interval.ts";
import { normalCritical, normalTwoSided } from "./special-functions.ts";

/** The area under a receiver operating characteristic, and the variance of that estimate. */
export interface Auc {
  readonly value: number;
  readonly variance: number;
}

const z = normalCritical(confidence);

/**
 * The area under the curve with its variance (E. R. DeLong et al., Biometrics 44, 1988), by ranks: O(n log n).
 * @param scores - Of positives and of negatives; higher means more likely positive.
 * @returns `undefined` where either class has fewer than two.
 */
export function auc(positives: readonly number[], negatives: readonly number[]): Auc | undefined {
  const [m, n] = [positives.length, negatives.length];
  if (m < 2 || n < 2) return undefined;
  const all = midRanks([...positives, ...negatives]);
  const [amongPositives, amongNegatives] = [midRanks(positives), midRanks(negatives)];
  // The share of the other class that each one is on the right side of.
  const ofPositives = positives.map((_, at) => ((all[at] as number) - (amongPositives[at] as number)) / n);
  const ofNegatives = negatives.map((_, at) => 1 - ((all[m + at] as number) - (amongNegatives[at] as number)) / m);
  const value = mean(ofPositives);
  return { value, variance: variance(ofPositives, value) / m + variance(ofNegatives, value) / n };
}

/** With the normal interval, cut to 0 and 1. */
export function aucInterval({ value, variance: of }: Auc): Estimate {
  const half = z * Math.sqrt(of);
  return { value, low: Math.max(0, value - half), high: Math.min(1, value + half) };
}

/** How much b's area is above a's, on independent samples. */
export function aucDifference(a: Auc, b: Auc): Difference {
  const value = b.value - a.value;
  const error = Math.sqrt(a.variance + b.variance);
  const test = "DeLong's test of independent samples";
  if (error === 0) return { value, low: value, high: value, p: value === 0 ? 1 : 0, test };
  return { value, low: value - z * error, high: value + z * error, p: normalTwoSided(value / error), test };
}

/** From 1; equal values share the mean of theirs. */
function midRanks(values: readonly number[]): Float64Array {
  const order = values.map((_, at) => at).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to + 1 < order.length && values[order[to + 1] as number] === values[order[from] as number]) to += 1;
    for (let at = from; at <= to; at++) ranks[order[at] as number] = (from + to) / 2 + 1;
    from = to + 1;
  }
  return ranks;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function variance(values: readonly number[], around: number): number {
  return values.reduce((sum, value) => sum + (value - around) ** 2, 0) / (values.length - 1);
}
