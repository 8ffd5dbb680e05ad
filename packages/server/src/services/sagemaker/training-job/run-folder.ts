import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DataDirectory } from "../../../data-directory.ts";
import { Feeder } from "./feeder/feeder.ts";
import { feederFolder, runFolders } from "./run-places.ts";

/** Ends what feeds a run, and removes what it left on the host: its /opt/ml. The log stays. */
export async function removeRunFolder(dataDirectory: DataDirectory, runId: string): Promise<void> {
  await new Feeder(feederFolder(dataDirectory, runId)).end();
  for (const folder of runFolders(dataDirectory)) await removeJobTree(join(folder, runId));
}

/** Removes a folder that a job wrote to, if it is there. A job may take its own folders' permissions away; they are ours to give back. */
export async function removeJobTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    await openFolders(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function openFolders(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if ((await lstat(path)).isDirectory()) await openFolders(path);
  }
}
