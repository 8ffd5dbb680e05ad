import { readdir } from "node:fs/promises";
import type { Clock } from "../../clock.ts";
import type { DataDirectory } from "../../data-directory.ts";
import type { Engine } from "../../engines/engine.ts";
import type { ObjectCatalogue } from "../../objects/object-catalogue.ts";
import type { ListQuery, Store, StoredRecord } from "../../store/store.ts";
import { collectLogs } from "../logs/collect-logs.ts";
import { runFolders } from "./run-folders.ts";
import { removeRunFolder } from "./training-job/run-folder.ts";
import {
  finalStatuses,
  isTrainingRun,
  runIds,
  type TrainingJob,
  trainingJobKind,
} from "./training-job/training-job.ts";
import { isPoolFolder, poolFolder } from "./training-job/warm-pool.ts";
import { removeCaches } from "./training-job/warm-pool-cache.ts";
import { type WarmPool, warmPoolKind } from "./training-job/warm-pool-records.ts";

/** What a collection removed. */
export interface Collected {
  /** Runs of training jobs that no unfinished job owns. */
  readonly runs: number;
  /** Their folders, and the caches of warm pools that are no more. */
  readonly runFolders: number;
  /** Log files past their retention, or of no stream. */
  readonly logs: number;
}

/** What it is collected from. */
export interface Collection {
  readonly store: Store;
  readonly engine: Engine;
  readonly objects: ObjectCatalogue;
  readonly dataDirectory: DataDirectory;
  readonly clock: Clock;
}

/**
 * Removes what training jobs left behind after crashes and what has outlived its retention: runs and their folders at
 * once, logs after `logRetentionDays`. Safe while jobs run: what exists is listed before the records that own it, and a
 * record always comes first. Objects and incomplete uploads are the object catalogue's own sweep.
 */
export async function collectGarbage(from: Collection): Promise<Collected> {
  const runs = await from.engine.list();
  const folders = await foldersIn(runFolders(from.dataDirectory));
  const owned = await ownedRuns(from.store);
  const orphans = runs.filter((id) => isTrainingRun(id) && !owned.has(id));
  for (const id of orphans) await from.engine.remove(id);
  const left = folders.filter((id) => isTrainingRun(id) && !owned.has(id));
  for (const id of left) {
    await from.objects.release(id);
    await removeRunFolder(from.dataDirectory, id);
  }
  const caches = await orphanedCaches(from, folders);
  for (const folder of caches) await removeCaches(from.dataDirectory, folder);
  const live = new Set(runs.filter((id) => !orphans.includes(id)));
  const logs = await collectLogs(from, (id) => live.has(id) || owned.has(id));
  return { runs: orphans.length, runFolders: left.length + caches.length, logs };
}

/** Names in any of the places that are there. */
async function foldersIn(places: readonly string[]): Promise<string[]> {
  // Nothing was in memory yet.
  const names = await Promise.all(places.map((place) => readdir(place).catch(() => [])));
  return [...new Set(names.flat())];
}

/**
 * Caches that neither a job under way nor a warm pool has. A cache passes from one to the other while we look: only
 * what nobody has on two looks in a row, between which no job can begin and end, is nobody's.
 */
async function orphanedCaches({ store }: Collection, folders: readonly string[]): Promise<string[]> {
  let left = folders.filter(isPoolFolder);
  for (let looks = 0; looks < 2 && left.length > 0; looks++) {
    const had = new Set<string>();
    await each<WarmPool>(store, { kind: warmPoolKind }, ({ value }) => had.add(value.folder));
    await each<TrainingJob>(store, { kind: trainingJobKind, statusNot: finalStatuses }, (job) =>
      had.add(poolFolder(job)),
    );
    left = left.filter((folder) => !had.has(folder));
  }
  return left;
}

/** The runs of the current attempt of every unfinished job, in every account and region. */
async function ownedRuns(store: Store): Promise<Set<string>> {
  const owned = new Set<string>();
  await each<TrainingJob>(store, { kind: trainingJobKind, statusNot: finalStatuses }, (record) => {
    for (const id of runIds(record)) owned.add(id);
  });
  return owned;
}

async function each<Value>(
  store: Store,
  query: Omit<ListQuery, "limit" | "token">,
  visit: (record: StoredRecord<Value>) => void,
): Promise<void> {
  let token: string | undefined;
  do {
    const page = await store.list<Value>({ ...query, limit: 1000, ...(token !== undefined && { token }) });
    page.records.forEach(visit);
    token = page.next;
  } while (token !== undefined);
}
