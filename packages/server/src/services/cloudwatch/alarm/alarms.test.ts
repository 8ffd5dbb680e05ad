import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../../gateway/testkit.ts";
import { cloudWatchService } from "../service.ts";

let server: TestServer;
let cloudwatch: CloudWatchClient;
beforeAll(async () => {
  server = await startTestServer({ services: [cloudWatchService] });
  cloudwatch = new CloudWatchClient({ ...server.client, disableRequestCompression: true });
});
afterAll(() => server.close());

const alarm = (AlarmName: string, change: Partial<PutMetricAlarmCommandInput> = {}) =>
  cloudwatch.send(
    new PutMetricAlarmCommand({
      ...{
        AlarmName,
        Namespace: "Test",
        MetricName: AlarmName,
        Statistic: "Average",
        Period: 60,
        EvaluationPeriods: 2,
      },
      ...{ Threshold: 5, ComparisonOperator: "GreaterThanThreshold", ...change },
    }),
  );
const describe = async (name: string) => {
  const { MetricAlarms } = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames: [name] }));
  return MetricAlarms?.[0];
};
/** A value in each of the last minutes. */
const measure = (MetricName: string, value: number) =>
  cloudwatch.send(
    new PutMetricDataCommand({
      Namespace: "Test",
      MetricData: [0, 1, 2, 3].map((ago) => ({
        ...{ MetricName, Value: value, Timestamp: new Date(Date.now() - ago * 60_000) },
      })),
    }),
  );

test("an alarm follows its metric", async () => {
  await alarm("follows", { AlarmDescription: "too slow" });
  expect(await describe("follows")).toMatchObject({
    AlarmArn: /^arn:aws:cloudwatch:[a-z0-9-]+:\d{12}:alarm:follows$/u,
    ...{ AlarmDescription: "too slow", StateValue: "INSUFFICIENT_DATA", ActionsEnabled: true },
  });
  await measure("follows", 6);
  const alarmed = await describe("follows");
  expect(alarmed).toMatchObject({ StateValue: "ALARM", StateReason: /^Threshold Crossed: 2 out of the last 2/u });
  // Changed by its owner, it keeps its state until it is looked at anew.
  await alarm("follows", { Threshold: 10 });
  expect(await describe("follows")).toMatchObject({ StateValue: "OK", Threshold: 10 });
});

test("a state that is set by hand holds for a while", async () => {
  await alarm("by-hand");
  await cloudwatch.send(
    new SetAlarmStateCommand({ AlarmName: "by-hand", StateValue: "ALARM", StateReason: "to see what happens" }),
  );
  expect(await describe("by-hand")).toMatchObject({ StateValue: "ALARM", StateReason: "to see what happens" });
});

test("lists are by name or prefix or state, in pages; deleted alarms are gone", async () => {
  for (const name of ["list-a", "list-b", "list-c"]) await alarm(name);
  const names = [];
  let NextToken: string | undefined;
  do {
    const page = await cloudwatch.send(
      new DescribeAlarmsCommand({ AlarmNamePrefix: "list-", MaxRecords: 2, ...(NextToken && { NextToken }) }),
    );
    names.push(...(page.MetricAlarms ?? []).map(({ AlarmName }) => AlarmName));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  expect(names).toEqual(["list-a", "list-b", "list-c"]);
  const inAlarm = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNamePrefix: "list-", StateValue: "ALARM" }));
  expect(inAlarm.MetricAlarms).toEqual([]);
  await expect(cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: ["list-a", "nope"] }))).rejects.toThrow(/nope/u);
  expect(await describe("list-a")).toBeDefined();
  await cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: ["list-a", "list-b"] }));
  expect(await describe("list-a")).toBeUndefined();
  expect(await describe("list-c")).toBeDefined();
});

test.for<[string, Partial<PutMetricAlarmCommandInput>, RegExp]>([
  ["no statistic", { Statistic: undefined }, /Exactly one of Statistic and ExtendedStatistic/u],
  ["a strange period", { Period: 7 }, /Period must be 1, 5, 10, 20, 30, or a multiple of 60/u],
  ["more datapoints than periods", { DatapointsToAlarm: 3 }, /DatapointsToAlarm must not be greater/u],
  ["anomaly detection", { ComparisonOperator: "LessThanLowerThreshold" }, /LessThanLowerThreshold is not supported/u],
  ["actions", { AlarmActions: ["arn:aws:sns:us-east-1:123456789012:topic"] }, /AlarmActions is not supported/u],
  ["no threshold", { Threshold: undefined }, /Threshold is required/u],
  ["a strange word for missing data", { TreatMissingData: "panic" }, /TreatMissingData must be one of/u],
])("refused: %s", async ([, change, message]) => {
  await expect(alarm("refused", change)).rejects.toThrow(message);
  expect(await describe("refused")).toBeUndefined();
});
