import type { Metric } from "../../metrics/metric.ts";
import { describeDimensions } from "./dimensions.ts";
import { invalidParameterValue } from "./errors.ts";
import type { CloudWatchOperation } from "./operation.ts";

/** Metrics of one page, as CloudWatch has it. */
const pageSize = 500;
const recentSeconds = 3 * 3600;

/** Metrics that have data, by namespace, name and dimensions. */
export const listMetrics: CloudWatchOperation<"ListMetrics"> = async (input, { scope, platform }) => {
  // Nobody shares metrics with another account here.
  const other = input.OwningAccount !== undefined && input.OwningAccount !== scope.account;
  const page = await platform.metrics.list({
    scope,
    dimensions: (input.Dimensions ?? []).map(({ Name, Value }) => [Name, Value] as const),
    limit: pageSize,
    ...(input.Namespace !== undefined && { namespace: input.Namespace }),
    ...(input.MetricName !== undefined && { name: input.MetricName }),
    ...(input.RecentlyActive !== undefined && {
      activeSince: Math.floor(platform.clock.now() / 1000) - recentSeconds,
    }),
    ...(input.NextToken !== undefined && { after: readToken(input.NextToken) }),
  });
  const metrics = other ? [] : page.metrics;
  return {
    Metrics: metrics.map(({ namespace, name, dimensions }) => ({
      Namespace: namespace,
      MetricName: name,
      Dimensions: describeDimensions(dimensions),
    })),
    ...(input.IncludeLinkedAccounts === true && { OwningAccounts: metrics.map(() => scope.account) }),
    ...(page.next && !other && { NextToken: writeToken(page.next) }),
  };
};

function writeToken({ namespace, name, dimensions }: Metric): string {
  return Buffer.from(JSON.stringify([namespace, name, dimensions])).toString("base64url");
}

function readToken(token: string): Metric {
  try {
    const [namespace, name, dimensions] = JSON.parse(Buffer.from(token, "base64url").toString()) as unknown[];
    if (typeof namespace === "string" && typeof name === "string" && Array.isArray(dimensions)) {
      return { namespace, name, dimensions };
    }
  } catch {
    // Told below together with JSON of another shape.
  }
  throw invalidParameterValue("The parameter NextToken is invalid.");
}
