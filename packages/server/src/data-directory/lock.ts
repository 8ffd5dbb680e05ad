import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { writeFileDurably } from "../durable/durable-files.ts";
import { DataDirectoryInUse } from "./errors.ts";

/** A held lock. */
export interface Lock {
  release(): void;
}

/** File that carries the lock. Never open it by other means: closing any descriptor of it would drop the lock. */
const lockFile = "lock.db";
/** File that says who holds the lock, for error messages only. */
const holderFile = "lock.json";

/**
 * Takes the data directory for this process. The lock is SQLite's own lock on an empty database: a kernel lock, which
 * ends with the process however it ends, so that nothing stale is ever left to judge. Node has no call for such locks.
 * @throws DataDirectoryInUse, naming the process that has it.
 */
export async function lock(root: string): Promise<Lock> {
  const database = tryLock(root);
  if (!database) throw new DataDirectoryInUse(root, holder(root));
  try {
    const note = { pid: process.pid, since: new Date().toISOString() };
    await writeFileDurably(join(root, holderFile), `${JSON.stringify(note)}\n`);
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}

function tryLock(root: string): DatabaseSync | undefined {
  const database = new DatabaseSync(join(root, lockFile), { timeout: 0 });
  try {
    // Nothing is ever written, so there is nothing to roll back: no journal file.
    database.exec("PRAGMA journal_mode = OFF");
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    const { errcode } = error as { errcode?: number };
    const busy = 5;
    if (errcode === busy) return undefined;
    throw error;
  }
}

function holder(root: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(join(root, holderFile), "utf8")) as { pid?: unknown };
    return typeof pid === "number" ? pid : undefined;
  } catch {
    // The other process took the lock a moment ago and has not written its note yet.
    return undefined;
  }
}
