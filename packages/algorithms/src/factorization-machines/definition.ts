import type { AlgorithmDefinition } from "../definition.ts";
import { hyperparameters } from "./hyperparameters.ts";
import { metrics } from "./metrics.ts";

const contentTypes = ["application/x-recordio-protobuf"];

/** What the platform knows of factorization machines before any of their code runs. */
export const factorizationMachinesDefinition = {
  name: "factorization-machines",
  aliases: [],
  registry: "first-party",
  hyperparameters,
  channels: [
    { name: "train", required: true, contentTypes },
    { name: "test", required: false, contentTypes },
  ],
  metrics,
  supportsDistributedTraining: false,
} as const satisfies AlgorithmDefinition;
