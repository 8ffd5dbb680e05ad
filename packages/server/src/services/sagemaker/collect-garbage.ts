import { readdir } from "node:fs/promises";
import type { Clock } from "../../clock.ts";
import type { DataDirectory } from "../../data-directory.ts";
import type { Engine } from "../../engines/engine.ts";
import type { ObjectCatalogue } from "../../objects/object-catalogue.ts";
import type { Store } from "../../store/store.ts";
import { collectLogs } from "../logs/collect-logs.ts";
import { removeRunFolder } from "./training-job/run-folder.ts";
import {
  finalStatuses,
  isTrainingRun,
  runIds,
  type TrainingJob,
  trainingJobKind,
} from "./training-job/training-job.ts";

/** What a collection removed. */
export interface Collected {
  /** Runs of training jobs that no unfinished job owns. */
  readonly runs: number;
  /** Their folders. */
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
  const folders = await readdir(from.dataDirectory.runs);
  const owned = await ownedRuns(from.store);
  const orphans = runs.filter((id) => isTrainingRun(id) && !owned.has(id));
  for (const id of orphans) await from.engine.remove(id);
  const left = folders.filter((id) => isTrainingRun(id) && !owned.has(id));
  for (const id of left) {
    await from.objects.release(id);
    await removeRunFolder(from.dataDirectory, id);
  }
  const live = new Set(runs.filter((id) => !orphans.includes(id)));
  const logs = await collectLogs(from, (id) => live.has(id) || owned.has(id));
  return { runs: orphans.length, runFolders: left.length, logs };
}

/** The runs of the current attempt of every unfinished job, in every account and region. */
async function ownedRuns(store: Store): Promise<Set<string>> {
  const owned = new Set<string>();
  let token: string | undefined;
  do {
    const page = await store.list<TrainingJob>({
      kind: trainingJobKind,
      statusNot: finalStatuses,
      limit: 1000,
      ...(token !== undefined && { token }),
    });
    for (const record of page.records) for (const id of runIds(record)) owned.add(id);
    token = page.next;
  } while (token !== undefined);
  return owned;
}
