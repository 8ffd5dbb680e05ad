import { InvalidPageToken, type StoredRecord } from "../../store/store.ts";
import { invalidParameter } from "./errors.ts";
import type { LogGroup } from "./log-records.ts";
import type { LogsOperation } from "./operation.ts";

/** Default and largest page. */
const maxGroups = 50;

/** One page of the log groups, by name. */
export const describeLogGroups: LogsOperation<"DescribeLogGroups"> = async (input, context) => {
  const { account, region, partition } = context.scope;
  if (input.logGroupNamePrefix !== undefined && input.logGroupNamePattern !== undefined) {
    throw invalidParameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  }
  try {
    const page = await context.platform.store.list<LogGroup>({
      kind: "log-group",
      account,
      region,
      limit: Math.min(input.limit ?? maxGroups, maxGroups),
      ...(input.logGroupNamePrefix !== undefined && { prefix: input.logGroupNamePrefix }),
      ...(input.logGroupNamePattern !== undefined && { nameContains: input.logGroupNamePattern }),
      ...(input.nextToken !== undefined && { token: input.nextToken }),
    });
    return {
      logGroups: page.records.map((record) =>
        describe(record, `arn:${partition}:logs:${region}:${account}:log-group:`),
      ),
      ...(page.next !== undefined && { nextToken: page.next }),
    };
  } catch (error) {
    if (error instanceof InvalidPageToken) throw invalidParameter("The specified nextToken is invalid.");
    throw error;
  }
};

function describe(record: StoredRecord<LogGroup>, arnPrefix: string) {
  return {
    logGroupName: record.name,
    creationTime: record.createdAt,
    ...(record.value.retentionInDays !== undefined && { retentionInDays: record.value.retentionInDays }),
    metricFilterCount: 0,
    arn: `${arnPrefix}${record.name}:*`,
    logGroupArn: `${arnPrefix}${record.name}`,
    logGroupClass: "STANDARD" as const,
  };
}
