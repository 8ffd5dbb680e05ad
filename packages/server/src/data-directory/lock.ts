import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurably } from "../durable/durable-files.ts";
import { type FileLock, tryFileLock } from "../file-lock.ts";
import { DataDirectoryInUse } from "./errors.ts";

/** File that carries the lock. */
const lockFile = "lock.db";
/** File that says who holds the lock, for error messages only. */
const holderFile = "lock.json";

/**
 * Takes the data directory for this process.
 * @throws DataDirectoryInUse, naming the process that has it.
 */
export async function lock(root: string): Promise<FileLock> {
  const held = tryFileLock(join(root, lockFile));
  if (!held) throw new DataDirectoryInUse(root, holder(root));
  try {
    const note = { pid: process.pid, since: new Date().toISOString() };
    await writeFileDurably(join(root, holderFile), `${JSON.stringify(note)}\n`);
  } catch (error) {
    held.release();
    throw error;
  }
  return held;
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
