import type { AlgorithmDefinition } from "../definition.ts";
import { hyperparameters } from "./hyperparameters.ts";
import { metricDefinitions } from "./metrics.ts";
import { wording } from "./wording.ts";

const contentTypes = [
  ...["text/csv", "csv", "text/libsvm", "text/x-libsvm", "libsvm", "application/x-parquet", "parquet"],
  ...["application/x-recordio-protobuf", "recordio-protobuf"],
];

/** What the platform knows of XGBoost before any of its code runs. */
export const xgboostDefinition = {
  name: "xgboost",
  aliases: ["sagemaker-xgboost"],
  registry: "xgboost",
  hyperparameters,
  wording,
  channels: [
    { name: "train", required: true, contentTypes },
    { name: "validation", required: false, contentTypes },
    // Of the same image's script mode; an algorithm has no use for it.
    { name: "code", required: false, contentTypes: ["text/python"] },
  ],
  metrics: metricDefinitions,
  supportsDistributedTraining: true,
  sharesImagesWithFramework: true,
} as const satisfies AlgorithmDefinition;
