import {
  CloudWatchClient,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  PutMetricDataCommand,
  type PutMetricDataCommandInput,
} from "@aws-sdk/client-cloudwatch";
import { AwsJson1_0Protocol, AwsQueryProtocol, AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../gateway/testkit.ts";
import { cloudWatchService } from "./service.ts";

const now = Date.now();
const minute = (n: number): Date => new Date((Math.floor(now / 60_000) + n) * 60_000);

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ services: [cloudWatchService] });
});
afterAll(() => server.close());

const clientOf = (protocol: unknown): CloudWatchClient =>
  new CloudWatchClient({
    ...server.client,
    protocol: protocol as typeof AwsJson1_0Protocol,
    requestMinCompressionSizeBytes: 1000,
    // This client states the length that the body had before; botocore's compressed CBOR is in the boto3 suite.
    disableRequestCompression: protocol === AwsSmithyRpcV2CborProtocol,
  });

describe.for([
  ["RPC v2 CBOR", AwsSmithyRpcV2CborProtocol],
  ["AWS JSON 1.0", AwsJson1_0Protocol],
  ["Query", AwsQueryProtocol],
] as const)("over %s", ([name, protocol]) => {
  const Namespace = `Test/${name}`;
  const put = (MetricData: PutMetricDataCommandInput["MetricData"]) =>
    clientOf(protocol).send(new PutMetricDataCommand({ Namespace, MetricData }));

  test("values come back as statistics by period, aligned to the start", async () => {
    const Dimensions = [
      { Name: "b", Value: "2" },
      { Name: "a", Value: "ä/1" },
    ];
    const datum = { MetricName: "latency", Dimensions, Unit: "Seconds" as const };
    await put([
      { ...datum, Timestamp: minute(-10), Value: 4 },
      { ...datum, Timestamp: new Date(minute(-10).getTime() + 59_999), Values: [1, 2], Counts: [2, 3] },
      { ...datum, Timestamp: minute(-9), Value: -1.5 },
    ]);
    const cloudwatch = clientOf(protocol);
    const ask = {
      ...{ Namespace, MetricName: "latency", StartTime: minute(-10), EndTime: minute(0) },
      Dimensions: [...Dimensions].reverse(),
    };
    const statistics = await cloudwatch.send(
      new GetMetricStatisticsCommand({
        ...ask,
        Period: 60,
        Statistics: ["SampleCount", "Sum", "Average", "Minimum", "Maximum"],
      }),
    );
    expect(statistics.Label).toBe("latency");
    expect(statistics.Datapoints).toEqual([
      { Timestamp: minute(-10), SampleCount: 6, Sum: 12, Average: 2, Minimum: 1, Maximum: 4, Unit: "Seconds" },
      {
        Timestamp: minute(-9),
        SampleCount: 1,
        Sum: -1.5,
        Average: -1.5,
        Minimum: -1.5,
        Maximum: -1.5,
        Unit: "Seconds",
      },
    ]);
    const percentiles = await cloudwatch.send(
      new GetMetricStatisticsCommand({ ...ask, Period: 600, ExtendedStatistics: ["p50", "p100"] }),
    );
    expect(percentiles.Datapoints).toEqual([
      { Timestamp: minute(-10), Unit: "Seconds", ExtendedStatistics: { p50: 2, p100: 4 } },
    ]);
    const otherUnit = await cloudwatch.send(
      new GetMetricStatisticsCommand({ ...ask, Period: 60, Statistics: ["Sum"], Unit: "Bytes" }),
    );
    expect(otherUnit.Datapoints).toEqual([]);
  });

  test("a large request is compressed and arrives whole", async () => {
    const data = Array.from({ length: 200 }, (_, i) => ({ MetricName: "many", Timestamp: minute(-5), Value: i }));
    await put(data);
    const cloudwatch = clientOf(protocol);
    const { MetricDataResults } = await cloudwatch.send(
      new GetMetricDataCommand({
        MetricDataQueries: [
          { Id: "n", MetricStat: { Metric: { Namespace, MetricName: "many" }, Period: 60, Stat: "SampleCount" } },
          { Id: "p", MetricStat: { Metric: { Namespace, MetricName: "many" }, Period: 60, Stat: "p90" } },
        ],
        StartTime: minute(-6),
        EndTime: minute(0),
      }),
    );
    expect(MetricDataResults).toEqual([
      { Id: "n", Label: "many", Timestamps: [minute(-5)], Values: [200], StatusCode: "Complete" },
      { Id: "p", Label: "many", Timestamps: [minute(-5)], Values: [179], StatusCode: "Complete" },
    ]);
  });

  test("errors have the name that clients look for", async () => {
    await expect(put([{ MetricName: "a" }])).rejects.toMatchObject({ name: expect.stringMatching(/^Missing/) });
    const reserved = clientOf(protocol).send(
      new PutMetricDataCommand({ Namespace: "AWS/EC2", MetricData: [{ MetricName: "a", Value: 1 }] }),
    );
    await expect(reserved).rejects.toMatchObject({
      name: expect.stringMatching(/^InvalidParameterValue/),
      message: "The value AWS/ for parameter Namespace is invalid.",
      $metadata: { httpStatusCode: 400 },
    });
    await expect(put([{ MetricName: "", Value: 1 }])).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
  });
});

const Namespace = "Other";
const put = (...MetricData: NonNullable<PutMetricDataCommandInput["MetricData"]>) =>
  clientOf(AwsJson1_0Protocol).send(new PutMetricDataCommand({ Namespace, MetricData }));

test("totals without values have no percentiles, unless all values are equal", async () => {
  const totals = (Minimum: number, Maximum: number) => ({ SampleCount: 2, Sum: Minimum + Maximum, Minimum, Maximum });
  await put(
    { MetricName: "totals", Timestamp: minute(-4), StatisticValues: totals(1, 3) },
    { MetricName: "totals", Timestamp: minute(-3), StatisticValues: totals(5, 5) },
  );
  const { Datapoints } = await clientOf(AwsJson1_0Protocol).send(
    new GetMetricStatisticsCommand({
      ...{ Namespace, MetricName: "totals", StartTime: minute(-4), EndTime: minute(0), Period: 60 },
      ExtendedStatistics: ["p99"],
    }),
  );
  expect(Datapoints?.map((point) => point.ExtendedStatistics)).toEqual([{}, { p99: 5 }]);
});

test("a metric of high resolution has points of a second", async () => {
  const start = Math.floor(now / 1000) * 1000 - 20_000;
  await put(
    ...[0, 1, 1].map((second) => ({
      ...{ MetricName: "fine", StorageResolution: 1, Value: 2 },
      Timestamp: new Date(start + second * 1000),
    })),
  );
  const { Datapoints } = await clientOf(AwsJson1_0Protocol).send(
    new GetMetricStatisticsCommand({
      ...{ Namespace, MetricName: "fine", StartTime: new Date(start), EndTime: new Date(now), Period: 1 },
      Statistics: ["SampleCount"],
    }),
  );
  expect(Datapoints?.map(({ Timestamp, SampleCount }) => [Timestamp?.getTime(), SampleCount])).toEqual([
    [start, 1],
    [start + 1000, 2],
  ]);
});

test("metrics are listed by namespace, name and dimension, in pages", async () => {
  const client = clientOf(AwsJson1_0Protocol);
  const names = Array.from({ length: 510 }, (_, i) => `m${String(i).padStart(3, "0")}`);
  await client.send(
    new PutMetricDataCommand({
      Namespace: "Listed",
      MetricData: names.map((MetricName) => ({
        ...{ MetricName, Value: 1 },
        Dimensions: [{ Name: MetricName < "m400" ? "low" : "high", Value: "x" }],
      })),
    }),
  );
  const first = await client.send(new ListMetricsCommand({ Namespace: "Listed" }));
  expect(first.Metrics).toHaveLength(500);
  const second = await client.send(new ListMetricsCommand({ Namespace: "Listed", NextToken: first.NextToken }));
  expect(second.NextToken).toBeUndefined();
  const listed = [...(first.Metrics ?? []), ...(second.Metrics ?? [])].map(({ MetricName }) => MetricName);
  expect(listed).toEqual(names);
  const high = await client.send(new ListMetricsCommand({ Namespace: "Listed", Dimensions: [{ Name: "high" }] }));
  expect(high.Metrics).toHaveLength(110);
  const none = await client.send(
    new ListMetricsCommand({ Namespace: "Listed", Dimensions: [{ Name: "high", Value: "y" }] }),
  );
  expect(none.Metrics).toEqual([]);
  await expect(client.send(new ListMetricsCommand({ NextToken: "nonsense" }))).rejects.toThrow("NextToken is invalid");
});

test("metric math computes, and pages cut through results", async () => {
  for (let i = 0; i < 4; i++) {
    await put(
      { MetricName: "errors", Timestamp: minute(-8 + i), Value: i },
      ...(i === 2 ? [] : [{ MetricName: "calls", Timestamp: minute(-8 + i), Value: 10 }]),
    );
  }
  const stat = (MetricName: string) => ({ Metric: { Namespace, MetricName }, Period: 60, Stat: "Sum" });
  const ask = (Expression: string, changes: object = {}) =>
    clientOf(AwsJson1_0Protocol).send(
      new GetMetricDataCommand({
        MetricDataQueries: [
          { Id: "rate", Expression, Label: "Error rate" },
          { Id: "e", MetricStat: stat("errors"), ReturnData: false },
          { Id: "c", MetricStat: stat("calls"), ReturnData: false },
        ],
        StartTime: minute(-8),
        EndTime: minute(0),
        ScanBy: "TimestampAscending",
        ...changes,
      }),
    );
  const rate = await ask("100 * e / FILL(c, 20) - -1");
  expect(rate.MetricDataResults).toMatchObject([{ Id: "rate", Label: "Error rate", Values: [1, 11, 11, 31] }]);
  expect((await ask("e / c")).MetricDataResults?.[0]?.Values).toEqual([0, 0.1, 0.3]);
  expect((await ask("e / SUM(e)")).MetricDataResults?.[0]?.Values).toEqual([0, 1 / 6, 2 / 6, 3 / 6]);
  const page = await ask("e + 1", { MaxDatapoints: 3 });
  expect(page.MetricDataResults).toMatchObject([{ Values: [1, 2, 3], StatusCode: "PartialData" }]);
  const rest = await ask("e + 1", { MaxDatapoints: 3, NextToken: page.NextToken });
  expect(rest).toMatchObject({ MetricDataResults: [{ Values: [4], StatusCode: "Complete" }] });
  expect(rest.NextToken).toBeUndefined();
});

test.for([
  ["SEARCH('{a}', 'Sum', 60)", "SEARCH is not supported"],
  ["ANOMALY_DETECTION_BAND(e)", "the function ANOMALY_DETECTION_BAND is not supported"],
  ["e +", "it ends too early"],
  ["nothing", 'There is no query with the Id "nothing"'],
  ["rate", "in a circle"],
  ["1 + 1", "must give a time series"],
] as const)("the expression %s is refused: %s", async ([Expression, message]) => {
  const asked = clientOf(AwsJson1_0Protocol).send(
    new GetMetricDataCommand({
      MetricDataQueries: [
        { Id: "rate", Expression },
        { Id: "e", MetricStat: { Metric: { Namespace, MetricName: "errors" }, Period: 60, Stat: "Sum" } },
      ],
      StartTime: minute(-8),
      EndTime: minute(0),
    }),
  );
  await expect(asked).rejects.toThrow(message);
});

test.for([
  ["a time too old", { Value: 1, Timestamp: new Date(now - 15 * 86_400_000) }, "within the past two weeks"],
  ["two kinds of values", { Value: 1, Values: [1] }, "mutually exclusive"],
  ["counts that do not fit", { Values: [1, 2], Counts: [1] }, "as many elements"],
  ["a count of nothing", { Values: [1], Counts: [0] }, "greater than 0"],
  ["a number beyond the largest", { Value: 1e300 }, "is invalid"],
  ["a resolution of its own", { Value: 1, StorageResolution: 5 }, "must be 1 or 60"],
  [
    "a dimension twice",
    { Value: 1, Dimensions: ["x", "y"].map((Value) => ({ Name: "d", Value })) },
    "The dimension d is given twice",
  ],
] as const)("%s is refused", async ([, datum, message]) => {
  const sent = put({ MetricName: "bad", ...(datum as object) });
  await expect(sent).rejects.toThrow(message);
});
