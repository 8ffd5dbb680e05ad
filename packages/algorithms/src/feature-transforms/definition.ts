import type { AlgorithmDefinition } from "../definition.ts";
import { hyperparameters } from "./hyperparameters.ts";

/**
 * What the platform knows of the program that fits feature transforms, and applies them as the first container of an
 * inference pipeline. It is Sagebrush's own: the service has no image of this name.
 */
export const featureTransformsDefinition = {
  name: "feature-transforms",
  aliases: [],
  registry: "first-party",
  hyperparameters,
  channels: [
    {
      name: "train",
      required: true,
      contentTypes: ["text/csv", "application/x-parquet"],
      modes: ["File", "FastFile"],
      distribution: "FullyReplicated",
    },
  ],
  metrics: [],
  supportsDistributedTraining: false,
} as const satisfies AlgorithmDefinition;
