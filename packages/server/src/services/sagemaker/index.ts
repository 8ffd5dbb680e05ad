import type { Service } from "../service.ts";
import type { OperationTable } from "./operation.ts";
import { tagOperations } from "./tags/index.ts";

/** Every SageMaker operation that is built: one table a noun, merged. Adding a noun is adding its line. */
export const sagemakerOperations = {
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
