import { type CloudWatchClient, GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import type { AnswerComparison, Latency } from "../../comparison/variant-comparison.ts";
import { shadowMetrics, shadowNamespace } from "../../serving/shadow/shadow-metrics.ts";

/** A stretch of time, in milliseconds since 1970. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What CloudWatch knows of one variant in a stretch of time. */
export async function measure(cloudwatch: CloudWatchClient, endpoint: string, variant: string, range: Range) {
  const ask = reader(
    cloudwatch,
    [
      ["EndpointName", endpoint],
      ["VariantName", variant],
    ],
    range,
  );
  const [requests, clientErrors, serverErrors] = [
    await ask.sum("AWS/SageMaker", "Invocations"),
    await ask.sum("AWS/SageMaker", "Invocation4XXErrors"),
    await ask.sum("AWS/SageMaker", "Invocation5XXErrors"),
  ];
  const latency = await ask.latency();
  return {
    ...{ requests: requests.sum, clientErrors: clientErrors.sum, serverErrors: serverErrors.sum },
    ...(latency && { latency }),
  };
}

/** How a shadow's answers compare with the production variant's, under the endpoint's present configuration. */
export async function measureAnswers(
  cloudwatch: CloudWatchClient,
  { endpoint, config, production, shadow }: { endpoint: string; config: string; production: string; shadow: string },
  range: Range,
): Promise<AnswerComparison> {
  const ask = reader(
    cloudwatch,
    [
      ["EndpointConfigName", config],
      ["EndpointName", endpoint],
      ["VariantName", shadow],
    ],
    range,
  );
  const share = async (name: string) => {
    const { sum, count } = await ask.sum(shadowNamespace, name);
    return { count: sum, of: count };
  };
  const difference = await ask.sum(shadowNamespace, shadowMetrics.difference);
  return {
    ...{ first: production, second: shadow },
    identical: await share(shadowMetrics.identical),
    agreeing: await share(shadowMetrics.agreeing),
    sameLabels: await share(shadowMetrics.sameLabels),
    difference: difference.count === 0 ? undefined : difference.sum / difference.count,
    notCopied: (await ask.sum(shadowNamespace, shadowMetrics.dropped)).sum,
  };
}

function reader(cloudwatch: CloudWatchClient, dimensions: readonly (readonly [string, string])[], { from, to }: Range) {
  // One point for all of it. Points lie at the beginning of their minutes, or of their hours when they are old.
  const Period = Math.ceil((to - from) / 60_000 + 120) * 60;
  const common = (Namespace: string, MetricName: string) => ({
    ...{ Namespace, MetricName, Period, StartTime: new Date(from), EndTime: new Date(to + 60_000) },
    Dimensions: dimensions.map(([Name, Value]) => ({ Name, Value })),
  });
  return {
    async sum(namespace: string, name: string): Promise<{ sum: number; count: number }> {
      const ask = new GetMetricStatisticsCommand({ ...common(namespace, name), Statistics: ["Sum", "SampleCount"] });
      const { Datapoints: [point] = [] } = await cloudwatch.send(ask);
      return { sum: point?.Sum ?? 0, count: point?.SampleCount ?? 0 };
    },
    /** Of the model, which CloudWatch has in microseconds. */
    async latency(): Promise<Latency | undefined> {
      const asked = common("AWS/SageMaker", "ModelLatency");
      const mean = await cloudwatch.send(new GetMetricStatisticsCommand({ ...asked, Statistics: ["Average"] }));
      const average = mean.Datapoints?.[0]?.Average;
      if (average === undefined) return undefined;
      const ranks = new GetMetricStatisticsCommand({ ...asked, ExtendedStatistics: ["p50", "p90", "p99"] });
      const found = (await cloudwatch.send(ranks)).Datapoints?.[0]?.ExtendedStatistics ?? {};
      const at = (rank: string) => (found[rank] === undefined ? undefined : found[rank] / 1_000);
      const [p50Ms, p90Ms, p99Ms] = [at("p50"), at("p90"), at("p99")];
      return {
        meanMs: average / 1_000,
        ...(p50Ms !== undefined && { p50Ms }),
        ...(p90Ms !== undefined && { p90Ms }),
        ...(p99Ms !== undefined && { p99Ms }),
      };
    },
  };
}
