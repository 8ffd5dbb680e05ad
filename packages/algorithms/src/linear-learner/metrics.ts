/** A metric definition as CreateTrainingJob fills it in; `regex` is Python's. */
export interface MetricDefinition {
  readonly name: string;
  readonly regex: string;
}

const quality = "#quality_metric: host=\\S+, ";
const withoutEpoch = (name: string, split: string, tail: string): MetricDefinition => ({
  name: `${split}:${name}`,
  regex: `${quality}${split} ${tail}=(\\S+)`,
});
const perEpoch = (split: string): MetricDefinition => ({
  name: `${split}:objective_loss`,
  regex: `${quality}epoch=\\S+, ${split} \\S+_objective <loss>=(\\S+)`,
});
const everySplit = (name: string, tail: string): MetricDefinition[] =>
  ["train", "validation", "test"].map((split) => withoutEpoch(name, split, tail));
const heldOut = (name: string, tail: string): MetricDefinition[] =>
  ["validation", "test"].map((split) => withoutEpoch(name, split, tail));

/** All forty metrics of the algorithm, which is also the most that a job may have. */
export const metrics: readonly MetricDefinition[] = [
  perEpoch("train"),
  perEpoch("validation"),
  withoutEpoch("objective_loss:final", "train", "\\S+_objective <loss>"),
  withoutEpoch("objective_loss:final", "validation", "\\S+_objective <loss>"),
  withoutEpoch("objective_loss", "test", "\\S+_objective <loss>"),
  ...everySplit("absolute_loss", "absolute_loss <loss>"),
  ...everySplit("mse", "mse <loss>"),
  withoutEpoch("rmse", "validation", "rmse <loss>"),
  ...everySplit("binary_classification_accuracy", "binary_classification_accuracy <score>"),
  ...everySplit("binary_f_beta", "binary_f_\\S+ <score>"),
  ...everySplit("precision", "precision <score>"),
  ...everySplit("recall", "recall <score>"),
  ...heldOut("roc_auc_score", "roc_auc_score <score>"),
  ...heldOut("multiclass_accuracy", "multiclass_accuracy <score>"),
  ...heldOut("multiclass_top_k_accuracy", "multiclass_top_k_accuracy_\\S+ <score>"),
  ...heldOut("dcg", "dcg <score>"),
  ...heldOut("macro_recall", "macro_recall <score>"),
  ...heldOut("macro_precision", "macro_precision <score>"),
  ...heldOut("macro_f_beta", "macro_f_\\S+ <score>"),
  { name: "train:progress", regex: "#progress_metric: host=\\S+, completed (\\S+) %" },
  { name: "train:throughput", regex: "#throughput_metric: host=\\S+, train throughput=(\\S+) records/second" },
];
