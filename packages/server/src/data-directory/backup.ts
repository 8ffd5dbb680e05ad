import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../clock.ts";
import { dataDirectoryPaths } from "../data-directory.ts";
import { makeDirectoryDurably, syncDirectory } from "../durable/durable-files.ts";
import { FormatMismatch, formatVersion, readFormat } from "../store/sqlite/schema.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import { holdBytes } from "./byte-hold.ts";
import type { Copied } from "./copy-file.ts";
import { copyFileSynced } from "./copy-file.ts";
import { DataDirectoryError } from "./errors.ts";
import type { BackedUpFile, ManifestEnd, ManifestHead } from "./manifest.ts";
import { manifestFile } from "./manifest.ts";
import { saveDatabase } from "./save-database.ts";
import { walk } from "./tree.ts";

/** Files copied at once. */
const lanes = 4;

/**
 * What a backup leaves out: what is made anew (extracted models, unpacked images, run folders, the engine's state,
 * uploads that never ended), the lock and the note of the running server, and the databases, which are copied by their own means.
 */
const leftOut =
  /^(?:models|environments|images|runs|engine|tmp|server\.json|lock\.(?:db|json).*|(?:records|metrics)\..*|objects\/incoming|.*\/\.[^/]*|\.[^/]*)$/u;

/** What to copy where. */
export interface BackupOptions {
  /** The data directory. */
  readonly root: string;
  /** A folder that is absent or empty, outside of the data directory. */
  readonly target: string;
  /** Called after every file with what was copied so far. */
  readonly onProgress?: (soFar: ManifestEnd) => void;
}

/** What was copied. */
export interface BackupSummary extends ManifestEnd {
  readonly path: string;
}

/**
 * Copies a data directory, whose server may be running, to a new folder: one moment's records, every byte they refer
 * to, credentials, configuration and logs. The folder appears whole or not at all.
 *
 * The order makes it right: hold the object bytes, take the snapshot of the records, then copy the bytes. Bytes that
 * come after the snapshot are only surplus; none that it refers to can go before they are copied.
 * @throws DataDirectoryError, FormatMismatch.
 */
export async function backup({ root, target, onProgress }: BackupOptions): Promise<BackupSummary> {
  const paths = dataDirectoryPaths(root);
  const path = resolve(target);
  if (`${path}/`.startsWith(`${paths.root}/`)) {
    throw new DataDirectoryError(`${path} is inside the data directory; name a folder outside of it.`);
  }
  checkSource(paths.database);
  await checkTarget(path);
  const partial = join(dirname(path), `.${path.slice(dirname(path).length + 1)}.partial-${process.pid}`);
  await rm(partial, { recursive: true, force: true });
  await makeDirectoryDurably(partial);
  try {
    const store = await openSqliteStore(paths.database, { clock: systemClock, commit: "inline" });
    let end: ManifestEnd;
    try {
      const hold = await holdBytes(store);
      try {
        end = await copyAll(paths.root, partial, onProgress);
        hold.check();
      } finally {
        await hold.release();
      }
    } finally {
      await store.close();
    }
    await rename(partial, path);
    await syncDirectory(dirname(path));
    return { ...end, path };
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** The source must be of our format: a copy of another could not say what it is. */
function checkSource(database: string): void {
  let found: number;
  try {
    const connection = new DatabaseSync(database, { readOnly: true });
    found = readFormat(connection);
    connection.close();
  } catch (error) {
    throw new DataDirectoryError(`${database} cannot be opened; is this a data directory?`, { cause: error });
  }
  if (found !== formatVersion) throw new FormatMismatch(found);
}

/** @throws DataDirectoryError unless the folder is absent or empty. */
export async function checkTarget(path: string): Promise<void> {
  try {
    if ((await readdir(path)).length === 0) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  throw new DataDirectoryError(`${path} is not empty; name a folder that is not there yet.`);
}

async function copyAll(root: string, target: string, onProgress: BackupOptions["onProgress"]): Promise<ManifestEnd> {
  const manifest = await open(join(target, manifestFile), "wx", 0o600);
  try {
    const head: ManifestHead = { backup: 1, format: formatVersion, createdAt: new Date().toISOString() };
    await manifest.write(line(head));
    await saveDatabase(join(root, "records.db"), join(target, "records.db"), (copy) => {
      // Leases are of the moment; our own hold on the bytes is among them.
      copy.exec("DELETE FROM lease");
    });
    // Of a moment of its own: no record refers to a metric.
    if (existsSync(join(root, "metrics.db"))) await saveDatabase(join(root, "metrics.db"), join(target, "metrics.db"));
    const end = await copyTree(root, target, async (file, soFar) => {
      await manifest.write(line(file));
      onProgress?.(soFar);
    });
    await manifest.write(line(end));
    await manifest.sync();
    await syncDirectory(target);
    return end;
  } finally {
    await manifest.close();
  }
}

async function copyTree(
  root: string,
  target: string,
  onFile: (file: BackedUpFile, soFar: ManifestEnd) => Promise<void>,
): Promise<ManifestEnd> {
  let files = 0;
  let sizeBytes = 0;
  const note = async (path: string, copied: Copied): Promise<void> => {
    files++;
    sizeBytes += copied.sizeBytes;
    await onFile({ path, ...copied }, { files, sizeBytes });
  };
  await note("records.db", await describe(join(target, "records.db")));
  if (existsSync(join(target, "metrics.db"))) await note("metrics.db", await describe(join(target, "metrics.db")));
  const entries = walk(root, (path) => !leftOut.test(path));
  const folders = new Set<string>();
  const lane = async (): Promise<void> => {
    for await (const { path, kind } of shared(entries)) {
      const folder = kind === "directory" ? path : dirname(path);
      // Another lane may have the folder's own entry and not be there yet.
      await makeDirectoryDurably(join(target, folder));
      folders.add(folder);
      if (kind === "directory") continue;
      const copied = await copyFileSynced(join(root, path), join(target, path)).catch(ifGone);
      if (copied) await note(path, copied);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  for (const folder of folders) await syncDirectory(join(target, folder));
  return { files, sizeBytes };
}

/** Lets several lanes take from one generator, none ending it for the others. */
function shared<T>(source: AsyncGenerator<T>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => ({ next: () => source.next() }) };
}

/** A file that ended meanwhile (a rotated log) is no loss: what the snapshot refers to is held. */
function ifGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

async function describe(path: string): Promise<Copied> {
  const bytes = createHash("sha256");
  const file = await open(path, "r");
  try {
    let sizeBytes = 0;
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1024 * 1024 })) {
      bytes.update(chunk as Buffer);
      sizeBytes += (chunk as Buffer).byteLength;
    }
    return { sizeBytes, sha256: bytes.digest("hex"), mode: 0o600 };
  } finally {
    await file.close();
  }
}

function line(entry: object): string {
  return `${JSON.stringify(entry)}\n`;
}
