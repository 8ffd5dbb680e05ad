/** Metrics that a large value is good in. */
const maximised = [
  ...["accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map", "ndcg", "precision"],
  ...["precision_macro", "precision_micro", "r2", "recall", "recall_macro", "recall_micro"],
];

const minimised = [
  ...["aft-nloglik", "cox-nloglik", "error", "gamma-deviance", "gamma-nloglik", "interval-regression-accuracy"],
  ...["logloss", "mae", "mape", "merror", "mlogloss", "mphe", "mse", "poisson-nloglik", "rmse", "rmsle"],
  ...["tweedie-nloglik"],
];

/** Metrics that may carry a threshold: `error@0.7`, `ndcg@5-`. */
const withThreshold = ["error", "ndcg", "map", "tweedie-nloglik"];

/** Every name that eval_metric and a tuning job's objective may have. */
export const metricNames: readonly string[] = [...maximised, ...minimised].sort();

/** What the platform reads from the log: of the validation set, where the log has `#011` for the tabulator. */
export const metricDefinitions = metricNames.map((name) => ({
  name: `validation:${name}`,
  regex: `.*\\[[0-9]+\\].*#011validation-${name}:(\\S+)`,
}));

/** Whether a metric exists, with or without a threshold. */
export function isMetric(text: string): boolean {
  const [name = "", threshold] = text.split("@");
  if (threshold === undefined) return metricNames.includes(name);
  return withThreshold.includes(name) && /^\d*\.?\d+-?$/.test(threshold);
}

/** Whether a large value of the metric is good. The library says so of `map` and `ndcg` with a threshold, too. */
export function isMaximised(metric: string): boolean {
  return maximised.includes(metric.split("@")[0] as string);
}
