import type { AlgorithmDefinition } from "../definition.ts";
import { finalMetric, progressMetrics } from "../job/metric-definitions.ts";
import { hyperparameters } from "./hyperparameters.ts";

const contentTypes = ["text/csv", "application/x-recordio-protobuf"];

/** What the platform knows of k-means before any of its code runs. */
export const kmeansDefinition = {
  name: "kmeans",
  aliases: [],
  registry: "first-party",
  hyperparameters,
  channels: [
    { name: "train", required: true, contentTypes },
    { name: "test", required: false, contentTypes },
  ],
  metrics: [
    finalMetric("test", "msd", "loss"),
    finalMetric("test", "ssd", "loss"),
    finalMetric("train", "msd", "loss"),
    ...progressMetrics,
  ],
  supportsDistributedTraining: false,
} as const satisfies AlgorithmDefinition;
