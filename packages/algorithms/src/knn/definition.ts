import type { AlgorithmDefinition } from "../definition.ts";
import { finalMetric, progressMetrics } from "../job/metric-definitions.ts";
import { hyperparameters } from "./hyperparameters.ts";

const contentTypes = ["text/csv", "application/x-recordio-protobuf"];

/** What the platform knows of k-nearest neighbours before any of its code runs. */
export const knnDefinition = {
  name: "knn",
  aliases: [],
  registry: "first-party",
  hyperparameters,
  channels: [
    { name: "train", required: true, contentTypes },
    { name: "test", required: false, contentTypes },
  ],
  metrics: [finalMetric("test", "accuracy", "score"), finalMetric("test", "mse", "loss"), ...progressMetrics],
  supportsDistributedTraining: false,
  usesBlas: true,
} as const satisfies AlgorithmDefinition;
