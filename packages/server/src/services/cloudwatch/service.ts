import type { Service } from "../service.ts";
import { deleteAlarms, describeAlarms, putMetricAlarm, setAlarmState } from "./alarm/operations.ts";
import { getMetricData } from "./get-metric-data.ts";
import { getMetricStatistics } from "./get-metric-statistics.ts";
import { listMetrics } from "./list-metrics.ts";
import type { CloudWatchOperationTable } from "./operation.ts";
import { putMetricData } from "./put-metric-data.ts";

const cloudWatchOperations = {
  DeleteAlarms: deleteAlarms,
  DescribeAlarms: describeAlarms,
  GetMetricData: getMetricData,
  GetMetricStatistics: getMetricStatistics,
  ListMetrics: listMetrics,
  PutMetricAlarm: putMetricAlarm,
  PutMetricData: putMetricData,
  SetAlarmState: setAlarmState,
} satisfies CloudWatchOperationTable;

/**
 * CloudWatch's metrics, and alarms on them. botocore speaks CBOR to it, the JavaScript SDK JSON, and versions of both that are older than
 * these the query protocol.
 */
export const cloudWatchService: Service = {
  name: "cloudwatch",
  signingNames: ["monitoring"],
  protocol: "rpc-v2-cbor",
  alsoSpeaks: ["aws-json-1.0", "query"],
  targetPrefixes: ["GraniteServiceVersion20100801"],
  apiVersion: "2010-08-01",
  operations: cloudWatchOperations,
};
