import type { TrainingJobStatus } from "@aws-sdk/client-sagemaker";
import { describe, expect, test } from "vitest";
import { newJob } from "./create.ts";
import { trainingJob } from "./testkit/job-server.ts";
import { type TrainingJob, type TrainingJobRecord, type TrainingJobSpec, trainingJobKind } from "./training-job.ts";
import { completed, failed, stopped } from "./verdicts.ts";
import { isPoolFolder, poolAfter, poolFolder, poolMatch, warmPoolStatus, withPeriod } from "./warm-pool.ts";

const resources = { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 10 } as const;
const specOf = (changes: Partial<TrainingJobSpec> = {}) => trainingJob(changes as object) as TrainingJobSpec;
const keeping = (seconds: number) => specOf({ ResourceConfig: { ...resources, KeepAlivePeriodInSeconds: seconds } });
const jobOf = (spec: TrainingJobSpec, more: Partial<TrainingJob> = {}): TrainingJob => ({
  ...newJob({ spec, hosts: 1, arn: "arn" }, 0),
  startedAt: 10,
  ...more,
});
const jobWith = (changes: Partial<TrainingJobSpec> = {}) => jobOf(specOf(changes));
const recordOf = (value: TrainingJob, status: TrainingJobStatus): TrainingJobRecord => ({
  ...{ account: "111122223333", region: "us-west-2", kind: trainingJobKind, name: "job", value, status },
  ...{ version: 1, createdAt: 0, modifiedAt: 0 },
});

describe("a job matches a pool", () => {
  const vpc = { SecurityGroupIds: ["sg-1", "sg-2"], Subnets: ["subnet-1", "subnet-2"] };
  const same: [string, Partial<TrainingJobSpec>, Partial<TrainingJobSpec>][] = [
    ["whatever it runs", {}, { HyperParameters: { a: "1" }, TrainingJobName: "another" }],
    ["whatever it keeps alive", {}, { ResourceConfig: { ...resources, KeepAlivePeriodInSeconds: 60 } }],
    ["with a default that is spelled out", {}, { EnableNetworkIsolation: false }],
    [
      "with the same network in another order",
      { VpcConfig: vpc },
      { VpcConfig: { SecurityGroupIds: ["sg-2", "sg-1"], Subnets: ["subnet-2", "subnet-1"] } },
    ],
  ];
  test.each(same)("%s", (_, one, other) => {
    expect(poolMatch(jobWith(one))).toBe(poolMatch(jobWith(other)));
  });

  const different: [string, Partial<TrainingJobSpec>][] = [
    ["role", { RoleArn: "arn:aws:iam::111122223333:role/another" }],
    ["instance type", { ResourceConfig: { ...resources, InstanceType: "ml.m5.xlarge" } }],
    ["instance count", { ResourceConfig: { ...resources, InstanceCount: 2 } }],
    ["volume size", { ResourceConfig: { ...resources, VolumeSizeInGB: 11 } }],
    ["volume key", { ResourceConfig: { ...resources, VolumeKmsKeyId: "key" } }],
    ["network", { VpcConfig: vpc }],
    ["isolation", { EnableNetworkIsolation: true }],
    ["encryption between hosts", { EnableInterContainerTrafficEncryption: true }],
  ];
  test.each(different)("not with another %s", (_, changes) => {
    expect(poolMatch(jobWith(changes))).not.toBe(poolMatch(jobWith()));
  });

  test("with handed-on session tags, only where they are the same", () => {
    const chaining = specOf({ SessionChainingConfig: { EnableSessionTagChaining: true } });
    const tenant = (value: string) => ({ sessionTags: [{ key: "tenant", value, transitive: true }] });
    const match = (value: string) => poolMatch(jobOf(chaining, tenant(value)));
    expect(match("a")).toBe(match("a"));
    expect(match("a")).not.toBe(match("b"));
    expect(match("a")).not.toBe(poolMatch(jobOf(chaining)));
    expect(match("a")).not.toBe(poolMatch(jobWith()));
  });

  test("not as a spot job, nor with instance groups", () => {
    expect(poolMatch(jobWith({ EnableManagedSpotTraining: true }))).toBeUndefined();
    const InstanceGroups = [{ InstanceGroupName: "a", InstanceType: "ml.m5.large" as const, InstanceCount: 1 }];
    expect(poolMatch(jobWith({ ResourceConfig: { InstanceGroups, VolumeSizeInGB: 10 } }))).toBeUndefined();
  });
});

describe("a job leaves a pool", () => {
  const job = jobOf(keeping(60));
  const pool = { since: 1_000, until: 61_000 };
  test.each([
    ["when it completed", job, completed, pool],
    ["when it was stopped", job, stopped(job), pool],
    ["when its algorithm failed", job, failed("AlgorithmError: exit code 1"), pool],
    ["not after a fault of the platform", job, failed("InternalServerError: The host restarted."), undefined],
    ["not when there was no room", job, failed("CapacityError: Unable to provision"), undefined],
    ["not when it never had a machine", { ...job, startedAt: undefined }, stopped(job), undefined],
    ["not when it keeps nothing", jobOf(keeping(0)), completed, undefined],
    ["not when it does not say", jobOf(specOf()), completed, undefined],
  ] as const)("%s", (_, left, verdict, expected) => {
    expect(poolAfter(left as TrainingJob, verdict, 1_000)).toEqual(expected);
  });

  test("for 28 days from job to job, no longer", () => {
    const days = 24 * 3600 * 1000;
    const chained = jobOf(keeping(60), { tookPool: { folder: "w-", begunAt: 0 } });
    expect(poolAfter(chained, completed, 28 * days - 1_000)?.until).toBe(28 * days);
    expect(poolAfter(chained, completed, 28 * days)).toBeUndefined();
  });

  test("whose period counts from its beginning", () => {
    expect(withPeriod(job, pool, 120, 5_000).until).toBe(121_000);
    expect(withPeriod(job, pool, 2, 5_000).until).toBe(5_000);
    expect(withPeriod(job, pool, 0, 5_000).until).toBe(5_000);
  });
});

describe("the status of a pool", () => {
  const pool = { since: 1_000, until: 61_000 };
  const job = jobOf(keeping(60));
  const taken = { ...pool, takenBy: "next", takenAt: 21_000 };
  const retained = (seconds: number) => ({ ResourceRetainedBillableTimeInSeconds: seconds });
  test.each([
    ["no pool", jobOf(specOf()), "Completed", 0, undefined],
    ["no pool while it runs", jobOf(specOf()), "InProgress", 0, undefined],
    ["running", job, "InProgress", 0, { Status: "InUse" }],
    [
      "running in another's",
      jobOf(specOf(), { tookPool: { folder: "w", begunAt: 0 } }),
      "InProgress",
      0,
      { Status: "InUse" },
    ],
    ["waiting", { ...job, leftPool: pool }, "Completed", 31_000, { Status: "Available", ...retained(30) }],
    ["over", { ...job, leftPool: pool }, "Completed", 61_000, { Status: "Terminated", ...retained(60) }],
    ["long over", { ...job, leftPool: pool }, "Failed", 999_000, { Status: "Terminated", ...retained(60) }],
    [
      "taken",
      { ...job, leftPool: taken },
      "Stopped",
      999_000,
      { Status: "Reused", ...retained(20), ReusedByJob: "next" },
    ],
    ["never left", job, "Failed", 999_000, { Status: "Terminated", ...retained(0) }],
  ] as const)("%s", (_, value, status, now, expected) => {
    expect(warmPoolStatus(recordOf(value as TrainingJob, status), now)).toEqual(expected);
  });

  test("its folder goes from job to job", () => {
    const folder = poolFolder(recordOf(job, "Completed"));
    expect(isPoolFolder(folder)).toBe(true);
    const next = jobOf(keeping(60), { arn: "another", tookPool: { folder, begunAt: 0 } });
    expect(poolFolder(recordOf(next, "InProgress"))).toBe(folder);
  });
});
