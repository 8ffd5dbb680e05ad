import type { Service } from "../service.ts";
import { algorithmOperations } from "./algorithm/index.ts";
import { autoMLJobOperations } from "./auto-ml-job/index.ts";
import { endpointOperations } from "./endpoint/index.ts";
import { endpointConfigOperations } from "./endpoint-config/index.ts";
import { hyperParameterTuningJobOperations } from "./hyper-parameter-tuning-job/index.ts";
import { inferenceComponentOperations } from "./inference-component/index.ts";
import { inferenceExperimentOperations } from "./inference-experiment/index.ts";
import { modelOperations } from "./model/index.ts";
import { modelPackageOperations } from "./model-package/index.ts";
import type { OperationTable } from "./operation.ts";
import { searchOperations } from "./search/index.ts";
import { tagOperations } from "./tags/index.ts";
import { trainingJobOperations } from "./training-job/index.ts";
import { transformJobOperations } from "./transform-job/index.ts";

/** Every SageMaker operation that is built: one table a noun, merged. Adding a noun is adding its line. */
export const sagemakerOperations = {
  ...trainingJobOperations,
  ...transformJobOperations,
  ...modelOperations,
  ...endpointConfigOperations,
  ...endpointOperations,
  ...inferenceComponentOperations,
  ...algorithmOperations,
  ...hyperParameterTuningJobOperations,
  ...autoMLJobOperations,
  ...inferenceExperimentOperations,
  ...modelPackageOperations,
  ...searchOperations,
  ...tagOperations,
} satisfies OperationTable;

/** The SageMaker control plane. */
export const sagemakerService: Service = {
  name: "sagemaker",
  signingNames: ["sagemaker"],
  protocol: "aws-json-1.1",
  targetPrefixes: ["SageMaker"],
  operations: sagemakerOperations,
};
