import { access, mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { CloudWatchLogsClient, DescribeLogStreamsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { StopTrainingJobCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { bytes, type JobServer, startJobServer } from "./testkit/job-server.ts";
import { logLines, type ScriptedRun } from "./testkit/scripted-engine.ts";

let world: JobServer;
beforeAll(async () => {
  world = await startJobServer();
  const { objects } = world.server.platform;
  for (const name of ["a", "b", "c", "d", "e"]) await objects.put("data", `shards/${name}`, bytes(name));
});
afterAll(() => world.close());
afterEach(() => {
  world.engine.algorithm = () => {};
  world.engine.refuses = () => false;
  // What a failed test left would take the room of the next.
  for (const { id } of world.engine.running) world.engine.exit(id, 0);
});

const resources = (InstanceCount: number) => ({
  ResourceConfig: { InstanceType: "ml.m5.large" as const, InstanceCount, VolumeSizeInGB: 10 },
});
const channel = (ChannelName: string, more: object = {}) => ({
  ChannelName,
  DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: "s3://data/shards/", ...more } },
});
const hostOf = ({ spec }: ScriptedRun) => spec.hostname;
const inMl = ({ spec }: ScriptedRun, path: string) => join(spec.mlDirectory, path);
const configOf = async (run: ScriptedRun, file: string) =>
  JSON.parse(await readFile(inMl(run, `input/config/${file}.json`), "utf8")) as Record<string, unknown>;
const read = async (key: string) => (await buffer(await world.server.platform.objects.read("data", key))).toString();

/** Waits for so many runs of a job. */
async function untilRunning(name: string, count: number): Promise<ScriptedRun[]> {
  const ofJob = () => world.engine.running.filter(({ spec }) => spec.environment["TRAINING_JOB_NAME"] === name);
  await expect.poll(() => ofJob().length).toBe(count);
  return ofJob().toSorted((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
}

test("every host has a run, a name, a configuration and a log of its own", async () => {
  const name = await world.createHosts(resources(3));
  const runs = await untilRunning(name, 3);
  expect(runs.map(hostOf)).toEqual(["algo-1", "algo-2", "algo-3"]);
  expect(runs.map(({ id }) => id.replace(/^t-[0-9a-f]{12}-/, ""))).toEqual(["1-1", "1-2", "1-3"]);
  expect(await configOf(runs[1] as ScriptedRun, "resourceconfig")).toEqual({
    current_host: "algo-2",
    current_instance_type: "ml.m5.large",
    current_group_name: "homogeneousCluster",
    hosts: ["algo-1", "algo-2", "algo-3"],
    instance_groups: [
      {
        instance_group_name: "homogeneousCluster",
        instance_type: "ml.m5.large",
        hosts: ["algo-1", "algo-2", "algo-3"],
      },
    ],
    network_interface_name: "eth0",
    topology: null,
  });
  const prefix = (runs[0] as ScriptedRun).id.replace(/-1$/, "");
  const network = {
    kind: "bridge",
    name: prefix,
    hosts: ["algo-1", "algo-2", "algo-3"],
    internet: true,
    encrypted: false,
  };
  expect(runs.map(({ spec }) => spec.network)).toEqual([network, network, network]);
  for (const { id } of runs) world.engine.exit(id, 0);
  const job = await world.until(name, "Completed");
  const ranMs = Number(job.TrainingEndTime) - Number(job.TrainingStartTime);
  expect(job.BillableTimeInSeconds).toBe(Math.max(1, Math.round(ranMs / 1000))); // once, not for each host
  const logs = new CloudWatchLogsClient(world.server.client);
  const { logStreams } = await logs.send(
    new DescribeLogStreamsCommand({
      logGroupName: "/aws/sagemaker/TrainingJobs",
      logStreamNamePrefix: `${name}/`,
    }),
  );
  expect(logStreams?.map(({ logStreamName }) => logStreamName?.replace(/-\d+$/, ""))).toEqual([
    `${name}/algo-1`,
    `${name}/algo-2`,
    `${name}/algo-3`,
  ]);
  await expect.poll(() => world.engine.runs.size).toBe(0);
});

test("groups have their own types, numbers and channels", async () => {
  const name = await world.createHosts({
    ResourceConfig: {
      InstanceGroups: [
        { InstanceGroupName: "data", InstanceType: "ml.t3.medium", InstanceCount: 1 },
        { InstanceGroupName: "none", InstanceType: "ml.m5.large", InstanceCount: 0 },
        { InstanceGroupName: "train", InstanceType: "ml.m5.large", InstanceCount: 2 },
      ],
      VolumeSizeInGB: 1,
    },
    InputDataConfig: [
      channel("all"),
      channel("shards", { InstanceGroupNames: ["train"], S3DataDistributionType: "ShardedByS3Key" }),
    ],
  });
  const runs = await untilRunning(name, 3);
  const seen = await Promise.all(
    runs.map(async (run) => {
      const { current_group_name, current_instance_type, instance_groups } = await configOf(run, "resourceconfig");
      return {
        group: current_group_name,
        type: current_instance_type,
        groups: instance_groups,
        configured: Object.keys(await configOf(run, "inputdataconfig")),
        files: run.spec.channels.map(({ files }) => files.map(({ path }) => path).join("")),
      };
    }),
  );
  const groups = [
    { instance_group_name: "data", instance_type: "ml.t3.medium", hosts: ["algo-1"] },
    { instance_group_name: "none", instance_type: "ml.m5.large", hosts: [] },
    { instance_group_name: "train", instance_type: "ml.m5.large", hosts: ["algo-2", "algo-3"] },
  ];
  const both = ["all", "shards"];
  expect(seen).toEqual([
    { group: "data", type: "ml.t3.medium", groups, configured: ["all"], files: ["abcde"] },
    { group: "train", type: "ml.m5.large", groups, configured: both, files: ["abcde", "ace"] },
    { group: "train", type: "ml.m5.large", groups, configured: both, files: ["abcde", "bd"] },
  ]);
  expect(runs.map(({ spec }) => spec.resources.memoryBytes)).toEqual([4, 8, 8].map((gibibytes) => gibibytes * 2 ** 30));
  for (const { id } of runs) world.engine.exit(id, 0);
  await world.until(name, "Completed");
});

test("isolated hosts reach each other and nothing else", async () => {
  const name = await world.createHosts({ ...resources(2), EnableNetworkIsolation: true });
  const runs = await untilRunning(name, 2);
  expect(runs.map(({ spec }) => spec.network)).toMatchObject([{ internet: false }, { internet: false }]);
  for (const { id } of runs) world.engine.exit(id, 0);
  await world.until(name, "Completed");
});

test("host names are sorted as texts", async () => {
  const name = await world.createHosts(resources(11));
  const [run] = await untilRunning(name, 11);
  const { hosts } = await configOf(run as ScriptedRun, "resourceconfig");
  expect((hosts as string[]).slice(0, 4)).toEqual(["algo-1", "algo-10", "algo-11", "algo-2"]);
  for (const { id } of world.engine.running) world.engine.exit(id, 0);
  await world.until(name, "Completed");
});

test("what the hosts wrote becomes one archive, one set of checkpoints and one list of metrics", async () => {
  world.engine.algorithm = async (run) => {
    const host = hostOf(run);
    await writeFile(inMl(run, "model/shared"), `shared of ${host}`);
    await writeFile(inMl(run, `model/${host}`), `own of ${host}`);
    await mkdir(inMl(run, "output/data/x"));
    await writeFile(inMl(run, `output/data/x/${host}`), "");
    await writeFile(inMl(run, `checkpoints/${host}`), host);
    await writeFile(inMl(run, "checkpoints/both"), host);
    // The clocks of files decide, not the order of hosts.
    await utimes(inMl(run, "checkpoints/both"), 1_000, host === "algo-1" ? 2_000 : 1_000);
    await logLines(run, `#quality_metric: host=${host}, epoch=0, train mse_objective <loss>=${host.slice(-1)}`);
  };
  const name = await world.createHosts({
    ...resources(2),
    CheckpointConfig: { S3Uri: "s3://data/ckpt-many" },
    AlgorithmSpecification: {
      TrainingImage: "linear-learner:1",
      TrainingInputMode: "File",
      MetricDefinitions: [{ Name: "loss", Regex: "<loss>=(\\S+)" }],
    },
  });
  const [first, second] = await untilRunning(name, 2);
  await expect.poll(async () => (await world.until(name, "InProgress")).SecondaryStatus).toBe("Training");
  await logLines(first as ScriptedRun, "<loss>=0.25");
  for (const { id } of [first, second] as ScriptedRun[]) world.engine.exit(id, 0);
  const job = await world.until(name, "Completed");
  const archive = gunzipSync(
    await buffer(await world.server.platform.objects.read("data", `out/${name}/output/model.tar.gz`)),
  ).toString("latin1");
  for (const text of ["own of algo-1", "own of algo-2", "shared of algo-2"]) expect(archive).toContain(text);
  expect(archive).not.toContain("shared of algo-1");
  expect(await readFile((first as ScriptedRun).spec.logFile, "utf8")).toContain(
    "[sagebrush] Not uploaded: shared (a later host has the same).",
  );
  expect(await read("ckpt-many/algo-1")).toBe("algo-1");
  expect(await read("ckpt-many/algo-2")).toBe("algo-2");
  expect(await read("ckpt-many/both")).toBe("algo-1");
  expect(job.FinalMetricDataList?.map(({ MetricName, Value }) => [MetricName, Value])).toEqual([["loss", 0.25]]);
});

test("one failing host ends the job: the rest is torn down, and the reason names it", async () => {
  const name = await world.createHosts(resources(3));
  const [first, second, third] = (await untilRunning(name, 3)) as [ScriptedRun, ScriptedRun, ScriptedRun];
  await writeFile(inMl(second, "output/failure"), "diverged");
  world.engine.exit(second.id, 7);
  const job = await world.until(name, "Failed");
  expect(job.FailureReason).toBe("AlgorithmError: algo-2: diverged, exit code: 7");
  for (const { stops } of [first, third]) expect(stops).toEqual([10_000]);
  expect(second.stops).toEqual([]);
});

test("a host that fails because it lost another one leaves the reason to that one", async () => {
  const name = await world.createHosts(resources(3));
  const [first, second, third] = (await untilRunning(name, 3)) as [ScriptedRun, ScriptedRun, ScriptedRun];
  await writeFile(inMl(first, "output/failure"), "RuntimeError: Connection closed by peer [10.1.0.3]:4711");
  world.engine.exit(first.id, 1);
  await writeFile(inMl(second, "output/failure"), "Signal 9 (SIGKILL) received by PID 9");
  world.engine.exit(second.id, 137);
  const job = await world.until(name, "Failed");
  expect(job.FailureReason).toBe("AlgorithmError: algo-2: Signal 9 (SIGKILL) received by PID 9, exit code: 137");
  expect(third.stops).toEqual([10_000]);
  expect(first.stops.concat(second.stops)).toEqual([]);
});

test("hosts that all lost another one: the first of them tells", async () => {
  const name = await world.createHosts(resources(2));
  for (const run of await untilRunning(name, 2)) {
    await writeFile(inMl(run, "output/failure"), `${hostOf(run)}: Connection reset by peer`);
    world.engine.exit(run.id, 1);
  }
  const job = await world.until(name, "Failed");
  expect(job.FailureReason).toBe("AlgorithmError: algo-1: algo-1: Connection reset by peer, exit code: 1");
});

test("a host that runs out of memory is named", async () => {
  const name = await world.createHosts(resources(2));
  const [, second] = await untilRunning(name, 2);
  world.engine.exit((second as ScriptedRun).id, 137, "out-of-memory");
  const job = await world.until(name, "Failed");
  expect(job.FailureReason).toMatch(
    /^ClientError: Please use .+ on an instance\. It was algo-2 that ran out of memory\.$/,
  );
});

test("a stop reaches every host", async () => {
  const name = await world.createHosts(resources(2));
  const runs = await untilRunning(name, 2);
  await world.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: name }));
  await world.until(name, "Stopped");
  for (const { stops } of runs) expect(stops).toEqual([expect.closeTo(120_000, -4)]);
});

test("a lost host takes the others with it, and all start again", async () => {
  const name = await world.createHosts(resources(2));
  const [first, second] = (await untilRunning(name, 2)) as [ScriptedRun, ScriptedRun];
  world.engine.lose(first.id);
  await expect.poll(() => second.stops).toEqual([10_000]);
  await expect.poll(() => world.engine.runs.has(second.id)).toBe(false);
  const next = await untilRunning(name, 2);
  expect(next.map(({ id }) => id)).toEqual([first.id, second.id].map((id) => id.replace(/-1-(\d)$/, "-2-$1")));
  for (const { id } of next) world.engine.exit(id, 0);
  const job = await world.until(name, "Completed");
  expect(job.SecondaryStatusTransitions?.map(({ StatusMessage }) => StatusMessage)).toContain(
    "The host restarted. Starting again from the inputs.",
  );
});

test("all hosts start or none", async () => {
  let refusals = 0;
  const left: boolean[] = [];
  world.engine.refuses = (id) => id.endsWith("-3") && refusals++ < 2;
  world.engine.algorithm = async (run) => {
    // A start that is tried again finds nothing of the one before.
    const here = () =>
      access(inMl(run, "model/mark")).then(
        () => true,
        () => false,
      );
    left.push(await here());
    await writeFile(inMl(run, "model/mark"), "");
  };
  const name = await world.createHosts(resources(3));
  const runs = await untilRunning(name, 3);
  await expect.poll(async () => (await world.until(name, "InProgress")).SecondaryStatus).toBe("Training");
  expect(refusals).toBe(3);
  // Two beside the third each time that it was refused, then all.
  expect(left).toEqual(Array(7).fill(false));
  for (const { id } of runs) world.engine.exit(id, 0);
  await world.until(name, "Completed");
});

test("a job of many hosts waits until there is room for all of them", async () => {
  const small = await world.createHosts(resources(2));
  await untilRunning(small, 2);
  const large = await world.createHosts(resources(3));
  await expect
    .poll(async () => (await world.until(large, "InProgress")).SecondaryStatusTransitions?.at(-1)?.StatusMessage)
    .toBe("Waiting for room: 2 instances run on this machine, of at most 4 at once");
  for (const { id } of world.engine.running) world.engine.exit(id, 0);
  await world.until(small, "Completed");
  for (const { id } of await untilRunning(large, 3)) world.engine.exit(id, 0);
  await world.until(large, "Completed");
});

test("a built-in algorithm that works alone gets one host for all instances", async () => {
  const name = await world.create(resources(3));
  const [run] = (await untilRunning(name, 1)) as [ScriptedRun];
  expect((await configOf(run, "resourceconfig"))["hosts"]).toEqual(["algo-1"]);
  expect(await readFile(run.spec.logFile, "utf8")).toContain("The job asked for 3 instances: it runs as one");
  world.engine.exit(run.id, 0);
  await world.until(name, "Completed");
});

test.for<[string, object, string]>([
  ["two groups of one name", { groups: ["a", "a"] }, "ResourceConfig.InstanceGroups has two groups named a."],
  ["no instance", { groups: ["a"], count: 0 }, "asks for no instance at all"],
  ["more hosts than one machine has", { groups: ["a"], count: 65 }, "asks for 65 instances; a job has at most 64"],
  ["a channel for a group that is not there", { groups: ["a"], channel: "b" }, 'InstanceGroupNames has "b"'],
])("%s: refused", async ([, asked, message]) => {
  const { groups, count = 1, channel: group = "a" } = asked as { groups: string[]; count?: number; channel?: string };
  const created = world.create({
    ResourceConfig: {
      InstanceGroups: groups.map((InstanceGroupName) => ({
        ...{ InstanceGroupName, InstanceType: "ml.m5.large" as const, InstanceCount: count },
      })),
      VolumeSizeInGB: 1,
    },
    InputDataConfig: [channel("train", { InstanceGroupNames: [group] })],
  });
  await expect(created).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringContaining(message),
  });
});
