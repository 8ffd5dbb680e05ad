import { goodness } from "../metrics/measure.ts";
import type { MetricName } from "../metrics/metric-names.ts";
import type { Problem } from "../problem.ts";

/** Models that are taken into the ensemble one after the other, each as often as it helps. */
const draws = 25;

/**
 * Weighs models by greedy forward selection with replacement (Caruana et al. 2004, Ensemble selection from libraries of
 * models): begins with the best one and adds whichever improves the mean most.
 * @param answers - Of each model, for the rows of `labels`, none of which it has learned from.
 * @returns A weight for each model, 0 or more, which sum to 1.
 */
export function greedyWeights(
  problem: Problem,
  metric: MetricName,
  labels: Float64Array,
  answers: readonly Float64Array[],
): number[] {
  const taken = answers.map(() => 0);
  const sum = new Float64Array(answers[0]?.length ?? 0);
  let best: { readonly value: number; readonly taken: readonly number[] } | undefined;
  for (let draw = 1; draw <= draws; draw++) {
    let next = { model: 0, value: Number.NEGATIVE_INFINITY };
    for (const [model, own] of answers.entries()) {
      const mean = sum.map((value, i) => (value + (own[i] as number)) / draw);
      const value = goodness(problem, metric, labels, mean);
      // A metric without a value, as AUC has over one class, leaves all models as good.
      if (value > next.value || (model === 0 && Number.isNaN(value))) next = { model, value };
    }
    taken[next.model] = (taken[next.model] as number) + 1;
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (answers[next.model]?.[i] as number);
    if (best === undefined || next.value > best.value) best = { value: next.value, taken: [...taken] };
  }
  const counts = best?.taken ?? taken;
  const total = counts.reduce((all, count) => all + count, 0);
  return counts.map((count) => count / total);
}

/** The weighted mean of models' answers. */
export function weightedMean(answers: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const mean = new Float64Array(answers[0]?.length ?? 0);
  for (const [model, own] of answers.entries()) {
    const weight = weights[model] as number;
    if (weight === 0) continue;
    for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] as number) + weight * (own[i] as number);
  }
  return mean;
}
