import { createHash } from "node:crypto";
import type { WarmPoolStatus } from "@aws-sdk/client-sagemaker";
import { validationException } from "../../../errors.ts";
import {
  isFinal,
  type TrainingJob,
  type TrainingJobRecord,
  type TrainingJobSpec,
  type Verdict,
} from "./training-job.ts";

/** How long a pool may go on from job to job, as the service has it. */
const longestChainMs = 28 * 24 * 3600 * 1000;

/** What a job got from the warm pool that it took. */
export interface TakenPool {
  /** Folder of the pool's caches, which goes from job to job. */
  readonly folder: string;
  /** Milliseconds since 1970: when the pool's first job ended. */
  readonly begunAt: number;
}

/** The warm pool that a job left when it ended. Times are milliseconds since 1970; what it is now follows from them. */
export interface LeftPool {
  readonly since: number;
  /** When nobody may take it any more. In the past once it was ended by hand. */
  readonly until: number;
  readonly takenBy?: string;
  readonly takenAt?: number;
}

/** How many seconds a job wants its instances kept after it; 0 for not at all. */
export function keepAliveSeconds({ ResourceConfig: resources }: TrainingJobSpec): number {
  return resources?.KeepAlivePeriodInSeconds ?? 0;
}

/** @throws ValidationException where a job of this kind can keep nothing. */
export function checkKeepAlive(spec: TrainingJobSpec): void {
  if (keepAliveSeconds(spec) === 0) return;
  const without = (what: string) =>
    validationException(`ResourceConfig.KeepAlivePeriodInSeconds cannot be used with ${what}.`);
  if (spec.EnableManagedSpotTraining) throw without("EnableManagedSpotTraining");
  if (spec.ResourceConfig?.InstanceGroups?.length) throw without("ResourceConfig.InstanceGroups");
}

/** What a job and a pool must have in common, as one text; `undefined` for jobs that take part in none. */
export function poolMatch({ spec, sessionTags }: Pick<TrainingJob, "spec" | "sessionTags">): string | undefined {
  const { ResourceConfig: resources, VpcConfig: vpc } = spec;
  if (spec.EnableManagedSpotTraining || resources?.InstanceGroups?.length) return undefined;
  const parts = [
    spec.RoleArn,
    resources?.InstanceType ?? "",
    resources?.InstanceCount ?? 0,
    resources?.VolumeSizeInGB ?? 0,
    resources?.VolumeKmsKeyId ?? "",
    vpc?.SecurityGroupIds?.toSorted() ?? [],
    vpc?.Subnets?.toSorted() ?? [],
    spec.EnableNetworkIsolation ?? false,
    spec.EnableInterContainerTrafficEncryption ?? false,
    // Only where tags are handed on, so that pools of older versions still match.
    ...(spec.SessionChainingConfig?.EnableSessionTagChaining ? [tagsOf(sessionTags)] : []),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/** Tags that tell tenants apart, in an order of their own: the cache of one is not for another. */
function tagsOf(tags: TrainingJob["sessionTags"] = []): string[] {
  return tags.map(({ key, value }) => JSON.stringify([key, value])).toSorted();
}

/** The folder of the caches of a job's pool: that of the pool it took, or else its own. */
export function poolFolder({ value, createdAt }: TrainingJobRecord): string {
  if (value.tookPool) return value.tookPool.folder;
  return `w-${createHash("sha256").update(`${value.arn}\n${createdAt}`).digest("hex").slice(0, 24)}`;
}

/** Whether a name among the folders of runs is that of a pool's caches. */
export function isPoolFolder(name: string): boolean {
  return /^w-[0-9a-f]{24}$/.test(name);
}

/** Whether a job has anything to do with a pool's caches. */
export function hasPool({ spec, tookPool }: TrainingJob): boolean {
  return tookPool !== undefined || keepAliveSeconds(spec) > 0;
}

/** The pool that a job leaves by ending so, or `undefined`: faults of the platform leave none. */
export function poolAfter(job: TrainingJob, verdict: Verdict, endedAt: number): LeftPool | undefined {
  if (job.startedAt === undefined || /^(InternalServerError|CapacityError):/.test(verdict.failureReason ?? "")) {
    return undefined;
  }
  const until = keptUntil(job, endedAt, keepAliveSeconds(job.spec));
  return until > endedAt ? { since: endedAt, until } : undefined;
}

/** The pool with another period, counted from its beginning; one that has passed ends it now. */
export function withPeriod(job: TrainingJob, pool: LeftPool, seconds: number, now: number): LeftPool {
  return { ...pool, until: Math.max(now, keptUntil(job, pool.since, seconds)) };
}

function keptUntil({ tookPool }: TrainingJob, since: number, seconds: number): number {
  return Math.min(since + seconds * 1000, (tookPool?.begunAt ?? since) + longestChainMs);
}

/** Whether another job may take the pool that this one left. */
export function isAvailable(record: TrainingJobRecord, now: number): boolean {
  return warmPoolStatus(record, now)?.Status === "Available";
}

/** A job's warm pool as Describe and List show it; `undefined` for a job that has nothing to do with one. */
export function warmPoolStatus(record: TrainingJobRecord, now: number): WarmPoolStatus | undefined {
  const { value: job } = record;
  const { leftPool: pool } = job;
  if (!isFinal(record)) return hasPool(job) ? { Status: "InUse" } : undefined;
  if (!pool) return hasPool(job) ? { Status: "Terminated", ResourceRetainedBillableTimeInSeconds: 0 } : undefined;
  const endedAt = Math.min(pool.takenAt ?? now, pool.until);
  const retained = { ResourceRetainedBillableTimeInSeconds: Math.max(0, Math.round((endedAt - pool.since) / 1000)) };
  if (pool.takenBy !== undefined) return { Status: "Reused", ...retained, ReusedByJob: pool.takenBy };
  return { Status: now < pool.until ? "Available" : "Terminated", ...retained };
}
