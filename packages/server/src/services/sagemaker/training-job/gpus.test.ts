import { CloudWatchClient, GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultCapacity } from "../../../capacity/capacity.ts";
import type { RunId, RunUsage } from "../../../engines/engine.ts";
import { type StandInGpus, standInGpus, standInUuid } from "../../../gpus/testkit.ts";
import type { ImageSource } from "../../../images/image.ts";
import { Images } from "../../../images/images.ts";
import { type JobServer, startJobServerOn } from "./testkit/job-server.ts";
import { ScriptedEngine, type ScriptedRun } from "./testkit/scripted-engine.ts";

class WatchedEngine extends ScriptedEngine {
  async usage(id: RunId): Promise<RunUsage | undefined> {
    if (this.runs.get(id)?.state.phase !== "running") return undefined;
    return { cpuSeconds: 0, memoryBytes: 1, readBytes: 0, writtenBytes: 0, receivedBytes: 0, sentBytes: 0 };
  }
}

const root = { kind: "image" as const, reference: "own", id: "sha256:1", binds: [] };
const own: ImageSource = {
  refusal: () => undefined,
  prepare: async ({ start }) => ({
    state: "ready",
    image: {
      ...{ root, command: ["/train"], workingDirectory: "/", notices: [] },
      environment: { NVIDIA_VISIBLE_DEVICES: "all", ...start.environment },
    },
  }),
};

let machine: StandInGpus;
let jobs: JobServer<WatchedEngine>;
beforeEach(async () => {
  machine = standInGpus(2);
  machine.say(`${standInUuid(0)}, 30, 1024, 4096\n${standInUuid(1)}, 90, 2048, 4096\n`);
});
afterEach(async () => {
  await jobs.close();
  machine.remove();
});

const start = async (mode: "shared" | "strict" = "shared") => {
  jobs = await startJobServerOn(async () => new WatchedEngine(), new Images([own]), {}, 2048 * 2 ** 30, {
    gpus: machine.gpus,
    cpus: 64,
    capacity: { ...defaultCapacity, mode, maxInstances: 8 },
  });
};
const create = (InstanceType: "ml.g4dn.xlarge" | "ml.g4dn.12xlarge" | "ml.m5.large", more: object = {}) =>
  jobs.create({
    AlgorithmSpecification: { TrainingImage: "own", TrainingInputMode: "File" },
    HyperParameters: {},
    ResourceConfig: { InstanceType, InstanceCount: 1, VolumeSizeInGB: 1 },
    ...more,
  });
const isOf = (name: string) => (run: ScriptedRun) => run.spec.environment["TRAINING_JOB_NAME"] === name;
const runOf = async (name: string): Promise<ScriptedRun> => {
  await expect.poll(() => jobs.engine.running.some(isOf(name))).toBe(true);
  return jobs.engine.running.find(isOf(name)) as ScriptedRun;
};

test("jobs on types with GPUs get GPUs of the host, others first that nobody has; those without get none", async () => {
  await start();
  const [first, second] = [await runOf(await create("ml.g4dn.xlarge")), await runOf(await create("ml.g4dn.xlarge"))];
  expect(first.spec.resources.gpus?.uuids).toEqual([standInUuid(0)]);
  expect(first.spec.environment).toMatchObject({
    ...{ CUDA_VISIBLE_DEVICES: standInUuid(0), NVIDIA_VISIBLE_DEVICES: standInUuid(0) },
  });
  expect(second.spec.resources.gpus?.uuids).toEqual([standInUuid(1)]);
  const cpu = await runOf(await create("ml.m5.large"));
  expect(cpu.spec.resources.gpus).toBeUndefined();
  expect(cpu.spec.environment["NVIDIA_VISIBLE_DEVICES"]).toBe("void");
  expect(cpu.spec.environment["CUDA_VISIBLE_DEVICES"]).toBe("");
  const large = await runOf(await create("ml.g4dn.12xlarge", { Environment: { CUDA_VISIBLE_DEVICES: "1" } }));
  expect(large.spec.resources.gpus?.uuids).toEqual([standInUuid(0), standInUuid(1)]);
  expect(large.spec.environment["CUDA_VISIBLE_DEVICES"]).toBe("1");
});

test("under capacity strict a job waits until GPUs are free", async () => {
  await start("strict");
  const [a, b] = [await runOf(await create("ml.g4dn.xlarge")), await runOf(await create("ml.g4dn.xlarge"))];
  const third = await create("ml.g4dn.xlarge");
  const waits = async () => (await jobs.until(third, "InProgress")).SecondaryStatusTransitions?.at(-1)?.StatusMessage;
  await expect.poll(waits).toMatch(/^Waiting for GPUs/);
  jobs.engine.exit(b.id, 0);
  expect((await runOf(third)).spec.resources.gpus?.uuids).toEqual([standInUuid(1)]);
  jobs.engine.exit(a.id, 0);
});

test("what the GPUs do is in CloudWatch and in the profile", async () => {
  await start();
  const ProfilerConfig = { S3OutputPath: "s3://data/profiles", ProfilingIntervalInMilliseconds: 100 };
  const name = await create("ml.g4dn.12xlarge", { ProfilerConfig });
  const run = await runOf(name);
  const began = Date.now();
  await expect.poll(() => Date.now() - began).toBeGreaterThan(1_000);
  jobs.engine.exit(run.id, 0);
  await jobs.until(name, "Completed");
  const maximum = async (MetricName: string) => {
    const { Datapoints } = await new CloudWatchClient(jobs.server.client).send(
      new GetMetricStatisticsCommand({
        ...{ Namespace: "/aws/sagemaker/TrainingJobs", MetricName, Period: 3600, Statistics: ["Maximum"] },
        Dimensions: [{ Name: "Host", Value: `${name}/algo-1` }],
        ...{ StartTime: new Date(began - 3_600_000), EndTime: new Date(Date.now() + 60_000) },
      }),
    );
    return Datapoints?.[0]?.Maximum;
  };
  // Up to 100 for each GPU.
  expect(await maximum("GPUUtilization")).toBeCloseTo(120, 0);
  expect(await maximum("GPUMemoryUtilization")).toBeCloseTo(75, 0);
  const { objects } = jobs.server.platform;
  const events: string[] = [];
  for await (const { key } of objects.list("data", "profiles/")) {
    for await (const chunk of await objects.read("data", key)) events.push(String(chunk));
  }
  const dimension = (event: string) => events.join("").includes(event);
  expect(dimension('"Type":"gpu","Name":"gpu1","Dimension":"GPUUtilization","Value":90')).toBe(true);
  expect(dimension('"Type":"gpu","Name":"gpu0","Dimension":"GPUMemoryUtilization","Value":25')).toBe(true);
});
