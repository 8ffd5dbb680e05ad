import type { AlgorithmDefinition } from "../definition.ts";
import { finalMetric } from "../job/metric-definitions.ts";
import { hyperparameters } from "./hyperparameters.ts";
import { isMinimised, metricNames } from "./metrics/metric-names.ts";

const contentTypes = [
  ...["text/csv", "application/x-parquet", "x-application/vnd.amazon+parquet", "application/json"],
  "application/x-tar",
];
const channel = (name: string) => ({ name, required: false, contentTypes });
const kindOf = (name: string) => (isMinimised(name) ? "loss" : "score");

/** What the platform knows of Autopilot's own program: it runs in Autopilot's jobs, and serves their candidates. */
export const autopilotDefinition = {
  name: "autopilot",
  aliases: [],
  registry: "first-party",
  hyperparameters,
  channels: ["training", "validation", "specification", "data", "analysis", "train", "model", "features"].map(channel),
  metrics: [
    ...metricNames.map((name) => finalMetric("validation", name, kindOf(name))),
    ...metricNames.map((name) => finalMetric("train", name, kindOf(name))),
    finalMetric("validation", "InferenceLatency", "loss"),
  ],
  supportsDistributedTraining: false,
  needsLibrary: { repository: "sagemaker-xgboost", tag: "3.0-5" },
} as const satisfies AlgorithmDefinition;
