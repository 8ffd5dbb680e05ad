import { readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Clock } from "../../clock.ts";
import type { DataDirectory } from "../../data-directory.ts";
import { gapFile, isGapFile } from "../../log-gap.ts";
import { type Store, type StoredRecord, WriteConflict } from "../../store/store.ts";
import { type LogGroup, type LogStream, logGroupKey } from "./log-records.ts";

/** Days that a stream is kept after its last line, unless its group says otherwise. */
export const logRetentionDays = 90;

const dayMs = 24 * 3600 * 1000;

/**
 * Removes log streams whose last line is older than their retention, and log files that no stream names.
 * @param isLive - Whether a run may still write; its log stays however quiet it is.
 * @returns How many files were removed.
 */
export async function collectLogs(
  {
    store,
    dataDirectory,
    clock,
  }: { readonly store: Store; readonly dataDirectory: DataDirectory; readonly clock: Clock },
  isLive: (runId: string) => boolean,
): Promise<number> {
  // Files are listed before records: a stream is recorded before its file is made.
  const files = await logFiles(dataDirectory.logs);
  const named = new Set<string>();
  let removed = 0;
  for await (const record of allStreams(store)) {
    const { file } = record.value;
    named.add(file);
    const writtenAt = files.get(file) ?? record.createdAt;
    if (isLive(runOf(file)) || clock.now() - writtenAt < (await retentionMs(store, record))) continue;
    if (!(await drop(store, record))) continue;
    await removeLog(join(dataDirectory.logs, file));
    removed++;
  }
  for (const [file, writtenAt] of files) {
    if (named.has(file) || isLive(runOf(file)) || clock.now() - writtenAt < dayMs) continue;
    await removeLog(join(dataDirectory.logs, file));
    removed++;
  }
  return removed;
}

async function removeLog(path: string): Promise<void> {
  for (const file of [path, gapFile(path)]) await rm(file, { force: true });
}

/** Logs are named after their run. */
function runOf(file: string): string {
  return basename(file, ".log");
}

/** Every log file with the time of its last line, relative to `root`. */
async function logFiles(root: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || isGapFile(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    found.set(path.slice(root.length + 1), (await stat(path)).mtimeMs);
  }
  return found;
}

async function retentionMs(store: Store, stream: StoredRecord<LogStream>): Promise<number> {
  const scope = { partition: "", account: stream.account, region: stream.region };
  const group = await store.get<LogGroup>(logGroupKey(scope, stream.value.group));
  return (group?.value.retentionInDays ?? logRetentionDays) * dayMs;
}

async function drop(store: Store, { account, region, kind, name, version }: StoredRecord): Promise<boolean> {
  try {
    await store.write([{ op: "delete", key: { account, region, kind, name }, version }]);
    return true;
  } catch (error) {
    // Written anew in between: it is in use.
    if (error instanceof WriteConflict) return false;
    throw error;
  }
}

async function* allStreams(store: Store): AsyncGenerator<StoredRecord<LogStream>> {
  let token: string | undefined;
  do {
    const page = await store.list<LogStream>({
      kind: "log-stream",
      limit: 1000,
      ...(token !== undefined && { token }),
    });
    yield* page.records;
    token = page.next;
  } while (token !== undefined);
}
