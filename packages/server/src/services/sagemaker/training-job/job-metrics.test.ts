import { readFile } from "node:fs/promises";
import { CloudWatchClient, GetMetricStatisticsCommand, ListMetricsCommand } from "@aws-sdk/client-cloudwatch";
import {
  type AlgorithmSpecification,
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type JobServer, startJobServerOn, trainingJob } from "./testkit/job-server.ts";
import { readyImages } from "./testkit/ready-images.ts";
import { logLines, ScriptedEngine, type ScriptedRun } from "./testkit/scripted-engine.ts";

/** Logs are looked at once a second, on a machine that may be busy. */
const patience = { timeout: 15_000 };

let jobs: JobServer;
let cloudwatch: CloudWatchClient;
beforeAll(async () => {
  jobs = await startJobServerOn(async () => new ScriptedEngine(), readyImages());
  cloudwatch = new CloudWatchClient(jobs.server.client);
});
afterAll(() => jobs.close());

const algorithm = (changes: Partial<AlgorithmSpecification> = {}) => ({
  AlgorithmSpecification: {
    TrainingImage: "registry.example/team/own:1",
    TrainingInputMode: "File" as const,
    MetricDefinitions: [
      { Name: "loss", Regex: "loss=([0-9.]+)" },
      { Name: "auc", Regex: "#011auc:([0-9.]+)" },
      { Name: "never", Regex: "never=(.*)" },
    ],
    ...changes,
  },
});

const metricsOf = async (name: string) => {
  const job = await jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  return job.FinalMetricDataList?.map(({ MetricName, Value }) => [MetricName, Value]);
};

const runOf = async (name: string): Promise<ScriptedRun> => {
  await expect.poll(() => jobs.engine.running.some((run) => isRunOf(run, name)), patience).toBe(true);
  return jobs.engine.running.find((run) => isRunOf(run, name)) as ScriptedRun;
};
const isRunOf = ({ spec }: ScriptedRun, name: string): boolean => spec.environment["TRAINING_JOB_NAME"] === name;

test("Describe shows the last values while the job runs, and keeps them", async () => {
  const name = await jobs.create(algorithm());
  const run = await runOf(name);
  await logLines(run, "loss=4", "nothing", "\tauc:0.5");
  await expect
    .poll(() => metricsOf(name), patience)
    .toEqual([
      ["loss", 4],
      ["auc", 0.5],
    ]);
  await logLines(run, "loss=3.5");
  await expect.poll(() => metricsOf(name), patience).toContainEqual(["loss", 3.5]);
  await logLines(run, "loss=3");
  jobs.engine.exit(run.id, 0);
  const job = await jobs.until(name, "Completed");
  expect(job.FinalMetricDataList).toMatchObject([
    { MetricName: "loss", Value: 3, Timestamp: expect.any(Date) },
    { MetricName: "auc", Value: 0.5 },
  ]);
  const found = await cloudwatch.send(
    new GetMetricStatisticsCommand({
      Namespace: "/aws/sagemaker/TrainingJobs",
      MetricName: "loss",
      Dimensions: [{ Name: "TrainingJobName", Value: name }],
      StartTime: new Date(Date.now() - 3_600_000),
      EndTime: new Date(Date.now() + 60_000),
      Period: 86_400,
      Statistics: ["SampleCount", "Sum", "Minimum"],
    }),
  );
  expect(found.Datapoints).toMatchObject([{ SampleCount: 3, Sum: 10.5, Minimum: 3 }]);
});

test("a job that wants no time series has its last values all the same", async () => {
  const name = await jobs.create(algorithm({ EnableSageMakerMetricsTimeSeries: false }));
  const run = await runOf(name);
  await logLines(run, "loss=1");
  jobs.engine.exit(run.id, 1);
  const job = await jobs.until(name, "Failed");
  expect(job.FinalMetricDataList).toMatchObject([{ MetricName: "loss", Value: 1 }]);
  const { Metrics } = await cloudwatch.send(
    new ListMetricsCommand({ Dimensions: [{ Name: "TrainingJobName", Value: name }] }),
  );
  expect(Metrics).toEqual([]);
});

test("an evil expression stops neither the job nor the other metrics, and the log says so", async () => {
  const definitions = [
    { Name: "evil", Regex: "^(a+)+$" },
    { Name: "loss", Regex: "loss=(\\S+)" },
  ];
  const name = await jobs.create(algorithm({ MetricDefinitions: definitions }));
  const run = await runOf(name);
  await logLines(run, `${"a".repeat(50)}!`, "loss=2");
  await expect.poll(() => metricsOf(name), patience).toEqual([["loss", 2]]);
  jobs.engine.exit(run.id, 0);
  await jobs.until(name, "Completed");
  expect(await readFile(run.spec.logFile, "utf8")).toContain(
    "[sagebrush] The regular expression of the metric evil takes",
  );
});

test("a lost attempt's values stay until the next one has newer", async () => {
  const name = await jobs.create(algorithm());
  const first = await runOf(name);
  await logLines(first, "loss=9", "\tauc:0.1");
  await expect.poll(() => metricsOf(name), patience).toHaveLength(2);
  jobs.engine.lose(first.id);
  await expect
    .poll(() => jobs.engine.running.some((run) => isRunOf(run, name) && run.id !== first.id), patience)
    .toBe(true);
  const second = await runOf(name);
  await logLines(second, "loss=8");
  jobs.engine.exit(second.id, 0);
  await jobs.until(name, "Completed");
  expect(await metricsOf(name)).toEqual([
    ["loss", 8],
    ["auc", 0.1],
  ]);
});

test.for([
  ["an atomic group", [{ Name: "a", Regex: "(?>x)" }], "Regex of the metric a cannot be used: the atomic group"],
  ["no regular expression", [{ Name: "a", Regex: "(" }], "Regex of the metric a cannot be used"],
  [
    "a name twice",
    [
      { Name: "a", Regex: "(x)" },
      { Name: "a", Regex: "(y)" },
    ],
    "the metric a is defined twice",
  ],
] as const)("%s is refused before anything starts", async ([, definitions, message]) => {
  const request = trainingJob(algorithm({ MetricDefinitions: [...definitions] }));
  await expect(jobs.sagemaker.send(new CreateTrainingJobCommand(request))).rejects.toThrow(message);
});
