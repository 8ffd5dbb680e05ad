import { existsSync } from "node:fs";
import { chmod, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { DataDirectory } from "../data-directory.ts";
import { dataDirectoryPaths } from "../data-directory.ts";
import { makeDirectoryDurably, syncDirectory, writeFileDurably } from "../durable/durable-files.ts";
import { FormatMismatch, formatVersion, openForWriting, readFormat } from "../store/sqlite/schema.ts";
import { DataDirectoryError } from "./errors.ts";
import { lock } from "./lock.ts";
import type { Migrated } from "./migrate.ts";
import { migrate } from "./migrate.ts";
import type { Migration } from "./migrations.ts";

/** File that says which format the data directory has, in words that any version can read. */
export const formatFile = "format.json";

/** A data directory that this process holds, in the current format. */
export interface OpenDataDirectory extends DataDirectory {
  /** What opening changed, when the data was of an older format. */
  readonly migrated?: Migrated;
  /** Gives the directory back. Close what works on it first. */
  close(): Promise<void>;
}

/**
 * Opens the data directory for one server: creates what is missing, locks it, and brings it to the current format.
 * @throws DataDirectoryInUse when another server has it, FormatMismatch when a newer version wrote it,
 * DataDirectoryError when it is damaged.
 */
export async function openDataDirectory(
  root: string,
  format: { target?: number; steps?: readonly Migration[] } = {},
): Promise<OpenDataDirectory> {
  const paths = dataDirectoryPaths(root);
  const target = format.target ?? formatVersion;
  await makeDirectoryDurably(paths.root);
  const stated = await readFormatFile(paths.root);
  if (stated === undefined) await refuseForeignFolder(paths.root);
  // Keys, logs and data of every user lie below.
  await chmod(paths.root, 0o700);
  // Before anything is touched: a newer format may have other files and another lock.
  if (stated !== undefined && stated > target) throw new FormatMismatch(stated);
  const held = await lock(paths.root);
  try {
    for (const folder of [paths.objects, paths.runs, paths.logs, paths.models, paths.engine, paths.temporary]) {
      await makeDirectoryDurably(folder);
    }
    const migrated = await openDatabase(paths, stated, format);
    if (stated !== target)
      await writeFileDurably(join(paths.root, formatFile), `${JSON.stringify({ format: target })}\n`);
    return {
      ...paths,
      ...(migrated && { migrated }),
      close: async () => held.release(),
    };
  } catch (error) {
    held.release();
    throw error;
  }
}

/** What may be in a folder before it is a data directory: what a start leaves that ended early, and what comes beforehand. */
const beginnings =
  /^(?:config\.json|server\.(?:json|log).*|credentials\.json|lock\..*|(?:records|metrics)\..*|format\.json.*|\..*)$/;
const emptyBeginnings = /^(?:objects|runs|logs|models|environments|engine|tmp)$/;

/**
 * Somebody's folder is not made ours by a slip of the tongue: its permissions would change, and a collection could take
 * files of theirs for ours. @throws DataDirectoryError.
 */
async function refuseForeignFolder(root: string): Promise<void> {
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (beginnings.test(entry.name)) continue;
    const isOurs = entry.isDirectory() && emptyBeginnings.test(entry.name);
    if (isOurs && (await readdir(join(root, entry.name))).length === 0) continue;
    throw new DataDirectoryError(
      `${root} has other files (${entry.name}) and is no data directory of Sagebrush. Choose an empty or a new folder with --data-dir.`,
    );
  }
}

/** Format that the directory says it has; `undefined` for one that is new. @throws DataDirectoryError. */
async function readFormatFile(root: string): Promise<number | undefined> {
  const path = join(root, formatFile);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { format } = JSON.parse(text) as { format?: unknown };
    if (typeof format === "number") return format;
  } catch {
    // Told below together with JSON of another shape.
  }
  throw new DataDirectoryError(`${path} should say {"format": NUMBER}; restore the directory from a backup.`);
}

async function openDatabase(
  paths: DataDirectory,
  stated: number | undefined,
  format: { target?: number; steps?: readonly Migration[] },
): Promise<Migrated | undefined> {
  if (hasTables(paths.database)) return migrate(paths.database, format);
  // The database is made before the format is written down: without it, the data is gone, and an empty one would hide it.
  if (stated !== undefined) {
    throw new DataDirectoryError(`${paths.database} is missing; restore the directory from a backup.`);
  }
  openForWriting(paths.database).close();
  await chmod(paths.database, 0o600);
  await syncDirectory(paths.root);
  return undefined;
}

/** An empty file is what a first start leaves that was killed while it made the tables. */
function hasTables(path: string): boolean {
  if (!existsSync(path)) return false;
  const database = new DatabaseSync(path);
  try {
    return readFormat(database) !== 0;
  } finally {
    database.close();
  }
}
