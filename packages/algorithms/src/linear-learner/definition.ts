import type { AlgorithmDefinition } from "../definition.ts";
import { hyperparameters } from "./hyperparameters.ts";
import { metrics } from "./metrics.ts";

const contentTypes = ["text/csv", "application/x-recordio-protobuf"];

/** What the platform knows of the linear learner before any of its code runs. */
export const linearLearnerDefinition = {
  name: "linear-learner",
  aliases: [],
  registry: "first-party",
  hyperparameters,
  channels: [
    { name: "train", required: true, contentTypes },
    { name: "validation", required: false, contentTypes },
    { name: "test", required: false, contentTypes },
  ],
  metrics,
  supportsDistributedTraining: false,
} as const satisfies AlgorithmDefinition;
