import { DatabaseSync } from "node:sqlite";

/** A held lock. */
export interface FileLock {
  release(): void;
}

/**
 * Tries to take a lock that every process on this host sees. It is SQLite's own lock on an empty database: a kernel lock,
 * which ends with the process however it ends, so that nothing stale is ever left to judge. Node has no call for such
 * locks. Never open the file by other means: closing any descriptor of it would drop the lock.
 * @returns `undefined` when somebody has it.
 */
export function tryFileLock(path: string): FileLock | undefined {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // Nothing is ever written, so there is nothing to roll back: no journal file.
    database.exec("PRAGMA journal_mode = OFF");
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    const { errcode } = error as { errcode?: number };
    const busy = 5;
    if (errcode === busy) return undefined;
    throw error;
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}
