import { lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DeleteTrainingJobCommand,
  DescribeTrainingJobCommand,
  ListTrainingJobsCommand,
  StopTrainingJobCommand,
  UpdateTrainingJobCommand,
  type WarmPoolResourceStatus,
} from "@aws-sdk/client-sagemaker";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { collectGarbage } from "../collect-garbage.ts";
import { runPlaces } from "./run-places.ts";
import { type JobServer, startJobServer, trainingJob } from "./testkit/job-server.ts";
import type { ScriptedRun } from "./testkit/scripted-engine.ts";
import { type TrainingJob, trainingJobKind } from "./training-job.ts";
import { isPoolFolder, poolFolder } from "./warm-pool.ts";
import { returnCache } from "./warm-pool-cache.ts";

let world: JobServer;
beforeAll(async () => {
  world = await startJobServer();
});
afterAll(() => world.close());

/** A size of its own for each test, so that none takes another's pool. */
let volume = 100;
beforeEach(() => {
  volume += 1;
});
const pools: string[] = [];
afterEach(async () => {
  for (const name of pools.splice(0)) {
    if ((await poolOf(name).catch(() => undefined))?.Status === "Available") await keep(name, 0);
  }
  await expect.poll(caches).toEqual([]);
});

const cacheOf = ({ spec }: ScriptedRun) => join(spec.mlDirectory, "sagemaker/warmpoolcache");
const poolOf = async (TrainingJobName: string) =>
  (await world.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName }))).WarmPoolStatus;
const keep = (TrainingJobName: string, KeepAlivePeriodInSeconds: number) =>
  world.sagemaker.send(new UpdateTrainingJobCommand({ TrainingJobName, ResourceConfig: { KeepAlivePeriodInSeconds } }));
const list = async (WarmPoolStatusEquals: WarmPoolResourceStatus, MaxResults = 100) =>
  (
    await world.sagemaker.send(new ListTrainingJobsCommand({ WarmPoolStatusEquals, MaxResults }))
  ).TrainingJobSummaries?.map(({ TrainingJobName }) => TrainingJobName);
const caches = async () => (await readdir(world.server.platform.dataDirectory.runs)).filter(isPoolFolder);

function request(seconds: number | undefined, changes: Partial<CreateTrainingJobCommandInput> = {}) {
  return {
    ResourceConfig: {
      ...({ InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: volume } as const),
      ...(seconds !== undefined && { KeepAlivePeriodInSeconds: seconds }),
    },
    ...changes,
  };
}

async function running(name: string): Promise<ScriptedRun> {
  const ofJob = () => world.engine.running.filter(({ spec }) => spec.environment["TRAINING_JOB_NAME"] === name);
  await expect.poll(() => ofJob().length).toBe(1);
  return ofJob()[0] as ScriptedRun;
}

/** Runs a job to its end. */
async function ended(name: string, exitCode = 0, act: (run: ScriptedRun) => Promise<unknown> = async () => {}) {
  pools.push(name);
  const run = await running(name);
  await act(run);
  world.engine.exit(run.id, exitCode);
  return world.until(name, "Completed", "Failed");
}

const write = (text: string) => (run: ScriptedRun) => writeFile(join(cacheOf(run), "weights"), text);
const read = (run: ScriptedRun) => readFile(join(cacheOf(run), "weights"), "utf8");

test("a job that follows has the cache of the one before, for as long as each keeps its instances", async () => {
  const first = await world.create(request(600));
  expect(await poolOf(first)).toEqual({ Status: "InUse" });
  expect(await list("InUse")).toEqual([first]);
  await ended(first, 0, write("one"));
  expect(await poolOf(first)).toMatchObject({ Status: "Available" });
  expect(await list("Available")).toEqual([first]);

  const second = await world.create(request(600));
  expect(await poolOf(first)).toMatchObject({ Status: "Reused", ReusedByJob: second });
  const failedJob = await ended(second, 1, async (run) => {
    expect(await read(run)).toBe("one");
    await write("two")(run);
  });
  expect(failedJob.TrainingJobStatus).toBe("Failed");
  expect(failedJob.WarmPoolStatus?.Status).toBe("Available");

  const third = await world.create(request(undefined));
  await ended(third, 0, async (run) => expect(await read(run)).toBe("two"));
  expect(await poolOf(third)).toMatchObject({ Status: "Terminated" });
  await expect.poll(caches).toEqual([]);
  expect(await list("Reused")).toEqual([first, second]);

  const fourth = await world.create(request(undefined));
  await ended(fourth, 0, async (run) => expect(await readdir(run.spec.mlDirectory)).not.toContain("sagemaker"));
  expect(await poolOf(fourth)).toBeUndefined();
});

test("one pool goes to one of two jobs that come at once", async () => {
  const first = await world.create(request(600));
  await ended(first, 0, write("one"));
  const inputs = [trainingJob(request(undefined)), trainingJob(request(undefined))];
  await Promise.all(inputs.map((input) => world.sagemaker.send(new CreateTrainingJobCommand(input))));
  const names = inputs.map(({ TrainingJobName }) => TrainingJobName as string);
  const found = await Promise.all(names.map(async (name) => (await poolOf(name))?.Status));
  expect(found.toSorted()).toEqual(["InUse", undefined]);
  expect((await poolOf(first))?.ReusedByJob).toBe(names[found.indexOf("InUse")]);
  for (const name of names) await ended(name);
});

test("another size, a stop and a lost host", async () => {
  const first = await world.create(request(600));
  pools.push(first);
  const run = await running(first);
  await write("one")(run);
  await world.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: first }));
  await world.until(first, "Stopped");
  expect(await poolOf(first)).toMatchObject({ Status: "Available" });

  const larger = await world.create({ ResourceConfig: { ...request(0).ResourceConfig, VolumeSizeInGB: 1000 } });
  await ended(larger);
  expect(await poolOf(first)).toMatchObject({ Status: "Available" });

  const second = await world.create(request(undefined));
  const lost = await running(second);
  world.engine.lose(lost.id);
  await expect.poll(() => world.engine.running.some(({ id }) => id !== lost.id)).toBe(true);
  await ended(second, 0, async (again) => {
    expect(again.id).not.toBe(lost.id);
    expect(await read(again)).toBe("one");
  });
});

test("a pool ends when its time is up, and its cache with it", async () => {
  const name = await world.create(request(1));
  await ended(name, 0, write("one"));
  await expect.poll(async () => (await poolOf(name))?.Status, { timeout: 5_000 }).toBe("Terminated");
  expect((await poolOf(name))?.ResourceRetainedBillableTimeInSeconds).toBe(1);
  await expect.poll(caches).toEqual([]);
  await expect(keep(name, 60)).rejects.toThrow("has no warm pool in status Available");
  await world.sagemaker.send(new DeleteTrainingJobCommand({ TrainingJobName: name }));
});

test("UpdateTrainingJob keeps a pool for longer or ends it; until then its job cannot be deleted", async () => {
  const name = await world.create(request(600));
  await ended(name, 0, write("one"));
  await keep(name, 1200);
  const shown = await world.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  expect(shown.ResourceConfig?.KeepAlivePeriodInSeconds).toBe(1200);
  const remove = () => world.sagemaker.send(new DeleteTrainingJobCommand({ TrainingJobName: name }));
  await expect(remove()).rejects.toThrow("warm pool in status Available");
  expect(await caches()).toHaveLength(1);
  await keep(name, 0);
  expect(await poolOf(name)).toMatchObject({ Status: "Terminated" });
  await expect.poll(caches).toEqual([]);
  await remove();
});

test("a filtered list finds what is pages away", async () => {
  const first = await world.create(request(600));
  await ended(first);
  for (let count = 0; count < 3; count++) await ended(await world.create({}));
  const second = await world.create({ ResourceConfig: { ...request(600).ResourceConfig, VolumeSizeInGB: 2000 } });
  await ended(second);
  const found: (string | undefined)[] = [];
  let NextToken: string | undefined;
  do {
    const page = await world.sagemaker.send(
      new ListTrainingJobsCommand({ WarmPoolStatusEquals: "Available", MaxResults: 1, NextToken }),
    );
    found.push(...(page.TrainingJobSummaries ?? []).map(({ TrainingJobName }) => TrainingJobName));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  expect(found).toEqual([first, second]);
});

test("spot jobs and instance groups keep nothing, and say so by name", async () => {
  const spot = {
    EnableManagedSpotTraining: true,
    StoppingCondition: { MaxRuntimeInSeconds: 3600, MaxWaitTimeInSeconds: 7200 },
  };
  await expect(world.create(request(60, spot))).rejects.toThrow(
    "ResourceConfig.KeepAlivePeriodInSeconds cannot be used with EnableManagedSpotTraining.",
  );
  const InstanceGroups = [{ InstanceGroupName: "a", InstanceType: "ml.m5.large" as const, InstanceCount: 1 }];
  const ResourceConfig = { InstanceGroups, VolumeSizeInGB: 10, KeepAlivePeriodInSeconds: 60 };
  await expect(world.create({ ResourceConfig })).rejects.toThrow(
    "ResourceConfig.KeepAlivePeriodInSeconds cannot be used with ResourceConfig.InstanceGroups.",
  );
  await expect(world.create(request(21_601))).rejects.toThrow("less than or equal to 21600");
});

test("a link in place of the cache leads nowhere", async () => {
  const name = await world.create(request(600));
  const { runs } = world.server.platform.dataDirectory;
  const outside = join(runs, "..", "outside");
  await mkdir(outside);
  await writeFile(join(outside, "secret"), "");
  await ended(name, 0, async (run) => {
    await rm(cacheOf(run), { recursive: true });
    await symlink(outside, cacheOf(run));
  });
  expect(await caches()).toEqual([]);
  const next = await world.create(request(undefined));
  await ended(next, 0, async (run) => {
    expect((await lstat(cacheOf(run))).isDirectory()).toBe(true);
    expect(await readdir(cacheOf(run))).toEqual([]);
  });
  expect(await readdir(outside)).toEqual(["secret"]);
});

test("garbage collection takes the caches of nobody, and only those", async () => {
  const { platform } = world.server;
  const name = await world.create(request(600));
  await ended(name, 0, write("one"));
  const kept = await caches();
  expect(kept).toHaveLength(1);
  await mkdir(join(platform.dataDirectory.runs, "w-0123456789abcdef01234567/0"), { recursive: true });
  const { runFolders } = await collectGarbage({ ...platform, engine: world.engine });
  expect(runFolders).toBeGreaterThanOrEqual(1);
  expect(await caches()).toEqual(kept);
  const next = await world.create(request(undefined));
  await ended(next, 0, async (run) => {
    await collectGarbage({ ...platform, engine: world.engine });
    expect(await read(run)).toBe("one");
  });
});

test("a server killed between moving the cache and saying so loses neither", async () => {
  const { platform } = world.server;
  const name = await world.create(request(600));
  await ended(name, 0, async (run) => {
    await write("one")(run);
    const key = { account: "111122223333", region: "us-west-2", kind: trainingJobKind, name };
    const record = await platform.store.get<TrainingJob>(key);
    if (!record) throw new Error("the job is gone");
    for (const places of runPlaces(record, platform.dataDirectory)) {
      await returnCache(poolFolder(record), places);
    }
    await collectGarbage({ ...platform, engine: world.engine });
  });
  const next = await world.create(request(undefined));
  await ended(next, 0, async (run) => expect(await read(run)).toBe("one"));
});
