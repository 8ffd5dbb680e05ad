import type { AlgorithmDefinition } from "../definition.ts";
import { finalMetric, progressMetrics } from "../job/metric-definitions.ts";
import { hyperparameters } from "./hyperparameters.ts";

const contentTypes = ["text/csv", "application/x-recordio-protobuf"];

/** What the platform knows of random cut forests before any of its code runs. */
export const randomCutForestDefinition = {
  name: "randomcutforest",
  aliases: [],
  registry: "first-party",
  hyperparameters,
  channels: [
    { name: "train", required: true, contentTypes, distribution: "ShardedByS3Key" },
    { name: "test", required: false, contentTypes, distribution: "FullyReplicated" },
  ],
  metrics: [finalMetric("test", "f1", "score"), ...progressMetrics],
  supportsDistributedTraining: false,
} as const satisfies AlgorithmDefinition;
