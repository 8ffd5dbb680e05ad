import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { DataDirectory } from "../../../data-directory.ts";
import type { Engine } from "../../../engines/engine.ts";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import { runIdsOf } from "../../../serving/fleet.ts";
import type { ListQuery, Store, StoredRecord } from "../../../store/store.ts";
import { removePlaces } from "./places.ts";
import { finalStatuses, isTransformRun, serversOf, type TransformJob, transformJobKind } from "./transform-job.ts";

/** Unfinished jobs of every account and region. */
export async function unfinishedTransformJobs(store: Store): Promise<TransformJob[]> {
  const jobs: TransformJob[] = [];
  let token: string | undefined;
  do {
    const query: ListQuery = {
      kind: transformJobKind,
      statusNot: finalStatuses,
      limit: 1_000,
      ...(token && { token }),
    };
    const page = await store.list<TransformJob>(query);
    jobs.push(...page.records.map(({ value }: StoredRecord<TransformJob>) => value));
    token = page.next;
  } while (token !== undefined);
  return jobs;
}

/**
 * Removes runs and folders of jobs that have ended: a crash may fall between a job's end and the clearing up.
 * @returns How many.
 */
export async function collectTransformRuns({
  store,
  engine,
  objects,
  dataDirectory,
}: {
  readonly store: Store;
  readonly engine: Engine;
  readonly objects: ObjectCatalogue;
  readonly dataDirectory: DataDirectory;
}): Promise<number> {
  // What exists is listed before the records: a run starts only after the record that names it was written.
  const runs = (await engine.list()).filter(isTransformRun);
  const folders = (await namesIn(places(dataDirectory))).filter(isTransformRun);
  const owned = new Set<string>();
  for (const job of await unfinishedTransformJobs(store)) {
    owned.add(job.runPrefix);
    for (const { runId } of job.instances) for (const id of runIdsOf(serversOf(job), runId)) owned.add(id);
  }
  const orphans = runs.filter((id) => !owned.has(id));
  for (const id of orphans) await engine.remove(id);
  for (const id of new Set([...orphans, ...folders])) {
    if (owned.has(id)) continue;
    await objects.release(id);
    await removePlaces(id, dataDirectory);
  }
  return orphans.length;
}

function places({ runs, memory }: DataDirectory): readonly string[] {
  return memory === undefined ? [runs] : [runs, join(memory, "runs")];
}

async function namesIn(folders: readonly string[]): Promise<string[]> {
  // Nothing was in memory yet.
  return (await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])))).flat();
}
