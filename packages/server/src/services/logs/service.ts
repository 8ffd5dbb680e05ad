import type { Service } from "../service.ts";
import { describeLogGroups } from "./describe-log-groups.ts";
import { describeLogStreams } from "./describe-log-streams.ts";
import { filterLogEvents } from "./filter-log-events.ts";
import { getLogEvents } from "./get-log-events.ts";
import type { LogsOperationTable } from "./operation.ts";
import { deleteRetentionPolicy, putRetentionPolicy } from "./retention.ts";

const logsOperations = {
  DeleteRetentionPolicy: deleteRetentionPolicy,
  DescribeLogGroups: describeLogGroups,
  DescribeLogStreams: describeLogStreams,
  FilterLogEvents: filterLogEvents,
  GetLogEvents: getLogEvents,
  PutRetentionPolicy: putRetentionPolicy,
} satisfies LogsOperationTable;

/** CloudWatch Logs, as far as it takes to follow jobs and endpoints. */
export const logsService: Service = {
  name: "logs",
  signingNames: ["logs"],
  protocol: "aws-json-1.1",
  targetPrefixes: ["Logs_20140328"],
  operations: logsOperations,
};
