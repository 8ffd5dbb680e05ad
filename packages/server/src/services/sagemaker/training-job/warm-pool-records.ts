import type { Scope } from "../../../scope.ts";
import type { RecordKey, Store, StoredRecord, Write } from "../../../store/store.ts";
import { type TrainingJob, type TrainingJobRecord, trainingJobKind } from "./training-job.ts";
import { isAvailable, poolFolder, poolMatch, type TakenPool } from "./warm-pool.ts";

/** Record kind of the pools that wait for a job. The job that left one says what it is; this one finds it. */
export const warmPoolKind = "warm-pool";
/** Status of a pool that nobody takes any more and whose caches are being removed. */
export const poolEnded = "Ended";
/** An account keeps at most so many pools in a region: each may hold a cache. */
export const maxPools = 64;

/** What the platform remembers of a pool that waits. Its name begins with what jobs must match. */
export interface WarmPool {
  /** Name of the job that left it. */
  readonly job: string;
  readonly folder: string;
}

/** A pool as the store returns it. */
export type WarmPoolRecord = StoredRecord<WarmPool>;

/** Where the pool that a job left is found. */
export function poolKey(record: TrainingJobRecord): RecordKey {
  const { account, region, value } = record;
  return { account, region, kind: warmPoolKind, name: `${poolMatch(value)}/${poolFolder(record)}` };
}

/** The job that left a pool, as long as it is that pool's. */
export async function leaverOf(store: Store, pool: WarmPoolRecord): Promise<TrainingJobRecord | undefined> {
  const { account, region, value } = pool;
  const job = await store.get<TrainingJob>({ account, region, kind: trainingJobKind, name: value.job });
  return job?.value.leftPool && poolFolder(job) === value.folder ? job : undefined;
}

/** What writes a pool's record: the transaction that ends its job has this beside. */
export function keepPool(record: TrainingJobRecord): Write {
  const value: WarmPool = { job: record.name, folder: poolFolder(record) };
  return { op: "put", key: poolKey(record), value, status: "Available" };
}

/** Whether an account has as many pools as it may. */
export async function hasAllPools(store: Store, { account, region }: TrainingJobRecord): Promise<boolean> {
  const { records } = await store.list({ kind: warmPoolKind, account, region, limit: maxPools });
  return records.length === maxPools;
}

/** A pool that a new job may take, and the writes that take it, in the transaction that creates the job. */
export interface Offer {
  readonly taken: TakenPool;
  readonly writes: readonly Write[];
}

/** The first pool that a new job matches; `undefined` when none is free. */
export async function offerFor(
  store: Store,
  { account, region }: Scope,
  job: Pick<TrainingJob, "spec" | "sessionTags">,
  now: number,
): Promise<Offer | undefined> {
  const match = poolMatch(job);
  if (match === undefined) return undefined;
  const query = { kind: warmPoolKind, account, region, prefix: `${match}/`, limit: maxPools };
  const { records } = await store.list<WarmPool>(query);
  for (const pool of records) {
    const leaver = pool.status === poolEnded ? undefined : await leaverOf(store, pool);
    const { leftPool, tookPool } = leaver?.value ?? {};
    if (!leaver || !leftPool || !isAvailable(leaver, now)) continue;
    const { account, region, kind, name, version, status, value } = leaver;
    const left = { ...leftPool, takenBy: job.spec.TrainingJobName, takenAt: now };
    return {
      taken: { folder: pool.value.folder, begunAt: tookPool?.begunAt ?? leftPool.since },
      writes: [
        {
          op: "update",
          key: { account, region, kind, name },
          version,
          value: { ...value, leftPool: left },
          ...(status !== undefined && { status }),
        },
        { op: "delete", key: poolKey(leaver), version: pool.version },
      ],
    };
  }
  return undefined;
}
