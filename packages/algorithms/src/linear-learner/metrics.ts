import { epochMetric, finalMetric, type MetricDefinition, progressMetrics } from "../job/metric-definitions.ts";

type Kind = "loss" | "score";
const splits = ["train", "validation", "test"] as const;
const everySplit = (name: string, kind: Kind, written?: string) =>
  splits.map((split) => finalMetric(split, name, kind, written));
const heldOut = (name: string, kind: Kind, written?: string) =>
  splits.slice(1).map((split) => finalMetric(split, name, kind, written));
const anyObjective = "\\S+_objective";

/** All forty metrics of the algorithm, which is also the most that a job may have. */
export const metrics: readonly MetricDefinition[] = [
  epochMetric("train", "objective_loss", "loss", anyObjective),
  epochMetric("validation", "objective_loss", "loss", anyObjective),
  finalMetric("train", "objective_loss:final", "loss", anyObjective),
  finalMetric("validation", "objective_loss:final", "loss", anyObjective),
  finalMetric("test", "objective_loss", "loss", anyObjective),
  ...everySplit("absolute_loss", "loss"),
  ...everySplit("mse", "loss"),
  finalMetric("validation", "rmse", "loss"),
  ...everySplit("binary_classification_accuracy", "score"),
  ...everySplit("binary_f_beta", "score", "binary_f_\\S+"),
  ...everySplit("precision", "score"),
  ...everySplit("recall", "score"),
  ...heldOut("roc_auc_score", "score"),
  ...heldOut("multiclass_accuracy", "score"),
  ...heldOut("multiclass_top_k_accuracy", "score", "multiclass_top_k_accuracy_\\S+"),
  ...heldOut("dcg", "score"),
  ...heldOut("macro_recall", "score"),
  ...heldOut("macro_precision", "score"),
  ...heldOut("macro_f_beta", "score", "macro_f_\\S+"),
  ...progressMetrics,
];
