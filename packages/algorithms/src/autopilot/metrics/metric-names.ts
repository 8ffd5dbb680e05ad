import type { ProblemType } from "../problem.ts";

/** What is measured of a candidate, by problem type: the names of the API, the objectives' first. */
export const metricsOf = {
  Regression: ["MSE", "RMSE", "MAE", "R2"],
  BinaryClassification: ["F1", "Accuracy", "AUC", "BalancedAccuracy", "Precision", "Recall", "LogLoss"],
  MulticlassClassification: ["Accuracy", "BalancedAccuracy", "F1macro", "PrecisionMacro", "RecallMacro", "LogLoss"],
} as const satisfies Record<ProblemType, readonly string[]>;

export type MetricName = (typeof metricsOf)[ProblemType][number];

/** Every metric once. */
export const metricNames = [...new Set(Object.values(metricsOf).flat())] as readonly MetricName[];

const minimised: readonly string[] = ["MSE", "RMSE", "MAE", "LogLoss"];

/** Whether small values of a metric are good. */
export function isMinimised(name: string): boolean {
  return minimised.includes(name);
}

/** The metrics that a job may be judged by: all but the logarithmic loss, which the API has no objective of. */
export function objectivesOf(type: ProblemType): readonly MetricName[] {
  return metricsOf[type].filter((name) => name !== "LogLoss");
}

/** What a job is judged by that does not say. */
export function defaultObjective(type: ProblemType): MetricName {
  return metricsOf[type][0];
}
