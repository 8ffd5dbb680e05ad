import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeDirectoryDurably, syncDirectory } from "../durable/durable-files.ts";
import { FormatMismatch, formatVersion } from "../store/sqlite/schema.ts";
import { checkTarget } from "./backup.ts";
import { copyFileSynced } from "./copy-file.ts";
import { DataDirectoryError } from "./errors.ts";
import type { BackedUpFile } from "./manifest.ts";
import { manifestFile, readManifest } from "./manifest.ts";
import { walk } from "./tree.ts";

/** What was restored. */
export interface RestoreSummary {
  readonly files: number;
  readonly sizeBytes: number;
  /** When the backup was made, ISO 8601. */
  readonly createdAt: string;
}

/**
 * Makes a data directory from a backup, checking size and SHA-256 of every file and the database's own structure. The
 * directory appears whole or not at all; a backup of an older format is migrated when it is first opened.
 * @throws DataDirectoryError when the target is not empty or the backup is damaged, FormatMismatch when it is newer.
 */
export async function restore({ backup, root }: { backup: string; root: string }): Promise<RestoreSummary> {
  const source = resolve(backup);
  const target = resolve(root);
  await checkTarget(target);
  const partial = join(dirname(target), `.${basename(target)}.partial-${process.pid}`);
  await rm(partial, { recursive: true, force: true });
  await makeDirectoryDurably(partial);
  try {
    const summary = await copyAll(source, partial);
    checkDatabase(join(partial, "records.db"));
    await syncAll(partial);
    await rename(partial, target);
    await syncDirectory(dirname(target));
    return summary;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function copyAll(source: string, target: string): Promise<RestoreSummary> {
  await readdir(source).then((names) => {
    if (names.includes(manifestFile)) return;
    throw new DataDirectoryError(`${source} has no ${manifestFile}: it is not a backup, or one that was interrupted.`);
  });
  let createdAt = "";
  let files = 0;
  let sizeBytes = 0;
  const manifest = readManifest(join(source, manifestFile), (head) => {
    if (head.format > formatVersion) throw new FormatMismatch(head.format);
    createdAt = head.createdAt;
  });
  for await (const file of manifest) {
    await copyOne(source, target, file);
    files++;
    sizeBytes += file.sizeBytes;
  }
  return { files, sizeBytes, createdAt };
}

async function copyOne(source: string, target: string, file: BackedUpFile): Promise<void> {
  const { path } = file;
  // A manifest is data from outside: it must not lead out of the folder.
  if (isAbsolute(path) || normalize(path) !== path || path.startsWith("..")) {
    throw new DataDirectoryError(`The backup names a file outside of itself: ${JSON.stringify(path)}.`);
  }
  const to = join(target, path);
  await makeDirectoryDurably(dirname(to));
  const copied = await copyFileSynced(join(source, path), to, file.mode).catch((error: NodeJS.ErrnoException) => {
    throw new DataDirectoryError(`The backup's file ${path} cannot be read.`, { cause: error });
  });
  if (copied.sizeBytes !== file.sizeBytes || copied.sha256 !== file.sha256) {
    throw new DataDirectoryError(`The backup's file ${path} is damaged: its contents are not those that were saved.`);
  }
}

function checkDatabase(path: string): void {
  const database = new DatabaseSync(path);
  try {
    const [row] = database.prepare("PRAGMA quick_check(1)").all();
    if (row?.["quick_check"] !== "ok")
      throw new DataDirectoryError(`The backup's database is damaged: ${String(row?.["quick_check"])}.`);
  } finally {
    database.close();
  }
}

async function syncAll(root: string): Promise<void> {
  for await (const { path, kind } of walk(root, () => true))
    if (kind === "directory") await syncDirectory(join(root, path));
  await syncDirectory(root);
}
