import { chmodSync, closeSync, type Dirent, lstatSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { parentPort } from "node:worker_threads";

/** A file that is not there yet, and all that it will ever hold. */
export interface FileToWrite {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A tree to remove, trees whose room on disk is to be told, or files to write. */
export type TreeRequest =
  | { readonly remove: string }
  | { readonly measure: readonly string[] }
  | { readonly write: readonly FileToWrite[] };

export interface TreeAnswer {
  readonly ticket: number;
  /** Of a measurement; 0 otherwise. */
  readonly bytes: number;
  /** Why it could not be done, if so. */
  readonly failure?: { readonly message: string; readonly code: string | undefined };
}

/** Entries that are looked at before other requests get a turn: somebody waits for the end of a small job. */
const entriesInARow = 1_000;
/** What `Stats.blocks` counts in, whatever the file system. */
const blockBytes = 512;

parentPort?.on("message", ({ ticket, request }: { ticket: number; request: TreeRequest }) => {
  void answer(ticket, request);
});

async function answer(ticket: number, request: TreeRequest): Promise<void> {
  try {
    const bytes = await carryOut(request);
    parentPort?.postMessage({ ticket, bytes } satisfies TreeAnswer);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    parentPort?.postMessage({ ticket, bytes: 0, failure: { message, code } } satisfies TreeAnswer);
  }
}

async function carryOut(request: TreeRequest): Promise<number> {
  if ("measure" in request) return measure(request.measure);
  if ("write" in request) writeNow(request.write);
  else removeNow(request.remove);
  return 0;
}

function writeNow(files: readonly FileToWrite[]): void {
  const made: string[] = [];
  try {
    for (const { path, bytes } of files) {
      const file = openSync(path, "wx", 0o444);
      made.push(path);
      try {
        for (let offset = 0; offset < bytes.length; ) offset += writeSync(file, bytes, offset);
      } finally {
        closeSync(file);
      }
    }
  } catch (error) {
    // On a full disk half a file would stand in the next one's way, and whole ones would be taken for somebody else's.
    for (const path of made) rmSync(path, { force: true });
    throw error;
  }
}

function removeNow(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    // A job may take its own folders' permissions away; they are ours to give back.
    if (!["EACCES", "EPERM", "ENOTEMPTY"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    openFolders(path);
    rmSync(path, { recursive: true, force: true });
  }
}

function openFolders(path: string): void {
  try {
    chmodSync(path, 0o700);
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) openFolders(join(path, entry.name));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // removed meanwhile
  }
}

async function measure(trees: readonly string[]): Promise<number> {
  const counted = new Set<string>();
  const waiting = [...trees];
  let total = 0;
  let looked = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    for (const { name } of entriesOf(folder)) {
      if (++looked % entriesInARow === 0) await turn();
      const path = join(folder, name);
      const about = unlessGone(() => lstatSync(path, { throwIfNoEntry: false }));
      if (!about) continue;
      if (about.isDirectory()) waiting.push(path);
      else if (about.nlink > 1) {
        const file = `${about.dev}:${about.ino}`;
        if (counted.has(file)) continue;
        counted.add(file);
      }
      total += about.blocks * blockBytes;
    }
  }
  return total;
}

function entriesOf(folder: string): Dirent[] {
  return unlessGone(() => readdirSync(folder, { withFileTypes: true })) ?? [];
}

/** The tree belongs to a run, which changes it as we look: it may also take our permission to look. */
function unlessGone<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG"].includes(code)) return undefined;
    throw error;
  }
}
