import type { AlgorithmDefinition } from "../definition.ts";
import { epochMetric, type MetricDefinition, progressMetrics } from "../job/metric-definitions.ts";
import { hyperparameters } from "./hyperparameters.ts";

const contentTypes = ["text/csv"];
const modes = ["File", "FastFile"] as const;

/** What is printed every `batch_metrics_publish_interval` mini-batches. */
function batchMetric(name: string, kind: "loss" | "score"): MetricDefinition {
  return {
    name: `train:${name}`,
    regex: `#quality_metric: host=\\S+, epoch=\\S+, batch=\\S+ train ${name} <${kind}>=(\\S+)`,
  };
}

const [entropy, accuracy] = ["binary_classification_cross_entropy", "binary_classification_accuracy"];

/** What the platform knows of IP Insights before any of its code runs. */
export const ipInsightsDefinition = {
  name: "ipinsights",
  aliases: [],
  registry: "first-party",
  hyperparameters,
  channels: [
    { name: "train", required: true, contentTypes, modes },
    { name: "validation", required: false, contentTypes, modes },
  ],
  metrics: [
    epochMetric("validation", "discriminator_auc", "score", "discriminator_auc"),
    epochMetric("train", `${entropy}:epoch`, "loss", entropy),
    epochMetric("train", `${accuracy}:epoch`, "score", accuracy),
    batchMetric(entropy, "loss"),
    batchMetric(accuracy, "score"),
    ...progressMetrics,
  ],
  supportsDistributedTraining: false,
} as const satisfies AlgorithmDefinition;
