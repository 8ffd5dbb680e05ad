import { epochMetric, finalMetric, type MetricDefinition, progressMetrics } from "../job/metric-definitions.ts";

/** As in log lines: F-beta carries its beta. */
const names = [
  { name: "rmse", kind: "loss", written: "rmse" },
  { name: "binary_classification_accuracy", kind: "score", written: "binary_classification_accuracy" },
  { name: "binary_classification_cross_entropy", kind: "loss", written: "binary_classification_cross_entropy" },
  { name: "binary_f_beta", kind: "score", written: "binary_f_1.000" },
] as const;

/** The metrics of the test channel, their twins of each epoch over the training rows, progress and speed. */
export const metrics: readonly MetricDefinition[] = [
  ...names.map(({ name, kind, written }) => finalMetric("test", name, kind, written)),
  ...names.map(({ name, kind, written }) => epochMetric("train", name, kind, written)),
  ...progressMetrics,
];
