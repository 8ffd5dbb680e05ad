import type { AlgorithmDefinition } from "../definition.ts";
import { finalMetric, progressMetrics } from "../job/metric-definitions.ts";
import { hyperparameters } from "./hyperparameters.ts";

const contentTypes = ["text/csv", "application/x-recordio-protobuf"];

/** What the platform knows of LDA before any of its code runs. */
export const ldaDefinition = {
  name: "lda",
  aliases: [],
  registry: "lda",
  hyperparameters,
  channels: [
    { name: "train", required: true, contentTypes },
    { name: "test", required: false, contentTypes },
  ],
  metrics: [finalMetric("test", "pwll", "score"), finalMetric("train", "pwll", "score"), ...progressMetrics],
  supportsDistributedTraining: false,
} as const satisfies AlgorithmDefinition;
