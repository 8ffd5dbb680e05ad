import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CloudWatchClient, GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import {
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DescribeTrainingJobCommand,
  UpdateTrainingJobCommand,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunId, RunUsage } from "../../../../engines/engine.ts";
import { type JobServer, startJobServerOn, trainingJob } from "../testkit/job-server.ts";
import { ScriptedEngine, type ScriptedRun } from "../testkit/scripted-engine.ts";

/** Runs that are busy on one and a half cores, hold 2 GiB and write 1,000 bytes a second. */
class BusyEngine extends ScriptedEngine {
  async usage(id: RunId): Promise<RunUsage | undefined> {
    const state = this.runs.get(id)?.state;
    if (state?.phase !== "running") return undefined;
    const seconds = (Date.now() - state.startedAt) / 1000;
    return {
      ...{ cpuSeconds: 1.5 * seconds, memoryBytes: 2 * 2 ** 30, readBytes: 0 },
      ...{ writtenBytes: 1000 * seconds, receivedBytes: 0, sentBytes: 0 },
    };
  }
}

let jobs: JobServer<BusyEngine>;
beforeAll(async () => {
  jobs = await startJobServerOn(async () => new BusyEngine());
});
afterAll(() => jobs.close());

const patience = { timeout: 15_000 };

async function start(changes: Partial<CreateTrainingJobCommandInput>): Promise<{ name: string; run: ScriptedRun }> {
  const name = await jobs.create(changes);
  const isIts = ({ spec }: ScriptedRun) => spec.environment["TRAINING_JOB_NAME"] === name;
  await expect.poll(() => jobs.engine.running.some(isIts), patience).toBe(true);
  return { name, run: jobs.engine.running.find(isIts) as ScriptedRun };
}

async function end(name: string, run: ScriptedRun): Promise<void> {
  jobs.engine.exit(run.id, 0);
  await jobs.until(name, "Completed");
}

const keysBelow = async (prefix: string): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of jobs.server.platform.objects.list("data", prefix)) keys.push(key);
  return keys;
};
const textOf = async (key: string): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of await jobs.server.platform.objects.read("data", key)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

interface Event {
  readonly Type: string;
  readonly Dimension: string;
  readonly Value: number;
  readonly NodeId: string;
  readonly Timestamp: number;
}

test("a profiled job leaves its hosts' metrics in S3 and in CloudWatch", async () => {
  const config = { S3OutputPath: "s3://data/profiles/", ProfilingIntervalInMilliseconds: 100 };
  const { name, run } = await start({ ProfilerConfig: config });
  const began = Date.now();
  const told = JSON.parse(await readFile(join(run.spec.mlDirectory, "input/config/profilerconfig.json"), "utf8"));
  expect(told).toEqual(config);
  const described = await jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  expect(described).toMatchObject({ ProfilerConfig: config, ProfilingStatus: "Enabled" });
  await expect.poll(() => Date.now() - began, patience).toBeGreaterThan(1500);
  await end(name, run);
  const keys = await keysBelow("profiles/");
  expect(keys.length).toBeGreaterThan(0);
  const form = /^profiles\/([^/]+)\/profiler-output\/system\/incremental\/(\d{10})\/(\d{10})\.algo-1\.json$/;
  const [, job, hour, minute] = form.exec(keys[0] as string) ?? [];
  expect(job).toBe(name);
  expect(Number(minute) % 60).toBe(0);
  expect(new Date(Number(minute) * 1000).toISOString().replace(/[-T]/g, "").slice(0, 10)).toBe(hour);
  const events = (await textOf(keys[0] as string))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Event);
  const cpu = events.filter(({ Dimension }) => Dimension === "CPUUtilization");
  expect(cpu.length).toBeGreaterThan(2);
  // One and a half of two cores.
  for (const { Value, NodeId } of cpu) {
    expect(Math.abs(Value - 75)).toBeLessThan(25);
    expect(NodeId).toBe("algo-1");
  }
  expect(events.find(({ Dimension }) => Dimension === "MemoryUsedPercent")?.Value).toBeCloseTo(25, 1);
  expect(events.find(({ Dimension }) => Dimension === "WriteThroughputInBytesPerSecond")?.Value).toBeGreaterThan(500);

  const { Datapoints } = await new CloudWatchClient(jobs.server.client).send(
    new GetMetricStatisticsCommand({
      ...{ Namespace: "/aws/sagemaker/TrainingJobs", MetricName: "CPUUtilization", Period: 3600 },
      Dimensions: [{ Name: "Host", Value: `${name}/algo-1` }],
      ...{ StartTime: new Date(began - 3_600_000), EndTime: new Date(Date.now() + 60_000), Statistics: ["Maximum"] },
    }),
  );
  expect(Datapoints?.[0]).toMatchObject({ Unit: "Percent" });
  // Up to 100 for each core.
  expect(Datapoints?.[0]?.Maximum).toBeGreaterThan(100);
});

test("a profiler can be switched off and on while the job runs", async () => {
  const { name, run } = await start({ ProfilerConfig: { S3OutputPath: "s3://data/switched", DisableProfiler: true } });
  const describe = () => jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  expect(await describe()).toMatchObject({ ProfilingStatus: "Disabled" });
  const update = (ProfilerConfig: object) =>
    jobs.sagemaker.send(new UpdateTrainingJobCommand({ TrainingJobName: name, ProfilerConfig }));
  await expect(update({ ProfilingIntervalInMilliseconds: 250 })).rejects.toThrow("250 is not one of 100, 200, 500");
  await expect(update({ S3OutputPath: "s3://nobody" })).rejects.toThrow("The bucket nobody of ProfilerConfig");
  await update({ DisableProfiler: false, ProfilingIntervalInMilliseconds: 100 });
  expect(await describe()).toMatchObject({
    ...{ ProfilingStatus: "Enabled" },
    ProfilerConfig: { S3OutputPath: "s3://data/switched", ProfilingIntervalInMilliseconds: 100 },
  });
  const began = Date.now();
  await expect.poll(() => Date.now() - began, patience).toBeGreaterThan(2_500);
  await end(name, run);
  expect(await keysBelow("switched/")).not.toEqual([]);
});

test("TensorBoard's and the debugger's files are in S3 while the job runs", async () => {
  const { name, run } = await start({
    TensorBoardOutputConfig: { S3OutputPath: "s3://data/board" },
    DebugHookConfig: { S3OutputPath: "s3://data/hook/", CollectionConfigurations: [{ CollectionName: "losses" }] },
    ExperimentConfig: { ExperimentName: "e", TrialComponentDisplayName: "t" },
  });
  const config = async (file: string) =>
    JSON.parse(await readFile(join(run.spec.mlDirectory, "input/config", file), "utf8")) as unknown;
  expect(await config("tensorboardoutputconfig.json")).toEqual({
    ...{ LocalPath: "/opt/ml/output/tensorboard", S3OutputPath: "s3://data/board" },
  });
  expect(await config("debughookconfig.json")).toMatchObject({
    ...{ LocalPath: "/opt/ml/output/tensors", CollectionConfigurations: [{ CollectionName: "losses" }] },
  });
  const events = randomBytes(100);
  await writeFile(join(run.spec.mlDirectory, "output/tensorboard/events.out"), events);
  await expect.poll(() => keysBelow("board/"), patience).toEqual([`board/${name}/tensorboard-output/events.out`]);
  await mkdir(join(run.spec.mlDirectory, "output/tensors/events"), { recursive: true });
  await writeFile(join(run.spec.mlDirectory, "output/tensors/events/1"), "tensor");
  await end(name, run);
  expect(await keysBelow("hook/")).toEqual([`hook/${name}/debug-output/events/1`]);
  const job = await jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  expect(job).toMatchObject({
    TensorBoardOutputConfig: { S3OutputPath: "s3://data/board" },
    ExperimentConfig: { ExperimentName: "e", TrialComponentDisplayName: "t" },
  });
});

test.for<[string, Partial<CreateTrainingJobCommandInput>, string]>([
  [
    "a bucket that is not there",
    { TensorBoardOutputConfig: { S3OutputPath: "s3://nobody/x" } },
    "The bucket nobody of TensorBoardOutputConfig.S3OutputPath",
  ],
  [
    "a folder of the model's",
    { TensorBoardOutputConfig: { S3OutputPath: "s3://data/x", LocalPath: "/opt/ml/model/logs" } },
    "TensorBoardOutputConfig.LocalPath",
  ],
  [
    "a folder outside",
    { DebugHookConfig: { S3OutputPath: "s3://data/x", LocalPath: "/opt/ml/../../etc" } },
    "DebugHookConfig.LocalPath",
  ],
  [
    "an interval of its own",
    { ProfilerConfig: { S3OutputPath: "s3://data/x", ProfilingIntervalInMilliseconds: 1 } },
    "ProfilingIntervalInMilliseconds 1 is not one of 100, 200, 500, 1000, 5000, 60000",
  ],
])("%s is refused", async ([, changes, message]) => {
  const sent = jobs.sagemaker.send(new CreateTrainingJobCommand(trainingJob(changes)));
  await expect(sent).rejects.toThrow(message);
});
