import type { AlgorithmDefinition } from "../definition.ts";
import { finalMetric, progressMetrics } from "../job/metric-definitions.ts";
import { hyperparameters } from "./hyperparameters.ts";

const contentTypes = ["text/csv", "application/x-recordio-protobuf"];

/** What the platform knows of PCA before any of its code runs. */
export const pcaDefinition = {
  name: "pca",
  aliases: [],
  registry: "first-party",
  hyperparameters,
  channels: [
    { name: "train", required: true, contentTypes },
    { name: "test", required: false, contentTypes },
  ],
  metrics: [
    finalMetric("train", "explained_variance_ratio", "score"),
    finalMetric("test", "explained_variance_ratio", "score"),
    ...progressMetrics,
  ],
  supportsDistributedTraining: false,
  usesBlas: true,
} as const satisfies AlgorithmDefinition;
