import type { Service } from "../service.ts";
import { batchGetMetrics } from "./batch-get-metrics.ts";
import { batchPutMetrics } from "./batch-put-metrics.ts";

/** SageMaker's metrics of experiments, which `Run.log_metric` of the SDK writes. */
export const sagemakerMetricsService: Service = {
  name: "sagemaker-metrics",
  signingNames: ["sagemaker"],
  protocol: "rest-json",
  operations: { BatchGetMetrics: batchGetMetrics, BatchPutMetrics: batchPutMetrics },
};
