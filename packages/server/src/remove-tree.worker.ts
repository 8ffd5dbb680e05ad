import { chmodSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parentPort } from "node:worker_threads";

export interface RemovalRequest {
  readonly ticket: number;
  readonly path: string;
}

export interface RemovalAnswer {
  readonly ticket: number;
  /** Why it could not be removed, if so. */
  readonly failure?: { readonly message: string; readonly code: string | undefined };
}

parentPort?.on("message", ({ ticket, path }: RemovalRequest) => {
  try {
    removeNow(path);
    parentPort?.postMessage({ ticket } satisfies RemovalAnswer);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    parentPort?.postMessage({ ticket, failure: { message, code } } satisfies RemovalAnswer);
  }
});

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
