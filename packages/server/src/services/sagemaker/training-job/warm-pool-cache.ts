import { chmod, lstat, mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DataDirectory } from "../../../data-directory.ts";
import { removeTree } from "../../../remove-tree.ts";
import { runFolders } from "../run-folders.ts";
import type { RunPlaces } from "./run-places.ts";

/** Below a run's /opt/ml: what SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY names. */
const cache = ["sagemaker", "warmpoolcache"] as const;

/** The folder of a pool's caches, one for each host by its index, beside those of the runs: moving is renaming. */
function cachePath(folder: string, { root, host }: RunPlaces): string {
  return join(dirname(root), folder, String(host.index));
}

/** Moves a host's cache from the pool into a run that is not there yet. A run that has it already keeps it. */
export async function bringCache(folder: string, places: RunPlaces): Promise<void> {
  const target = join(places.mlDirectory, ...cache);
  await mkdir(join(target, ".."), { recursive: true });
  if (await isFolder(target)) return;
  try {
    await rename(cachePath(folder, places), target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await mkdir(target, { recursive: true });
  }
}

/**
 * Moves a host's cache from a run that has ended back to the pool. Repeating it changes nothing. What the run made a
 * link, or reaches through one, is no cache; nothing in it is opened.
 */
export async function returnCache(folder: string, places: RunPlaces): Promise<void> {
  let source = places.mlDirectory;
  try {
    // What the run took from itself is given back: a folder can only be moved by who may write to it.
    for (const name of ["", ...cache]) {
      source = join(source, name);
      if (!(await isFolder(source))) return;
      await chmod(source, 0o755);
    }
  } catch (error) {
    // Owned by somebody whom the engine made up: a cache that cannot be moved is lost, and the job ends all the same.
    if (["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) return;
    throw error;
  }
  const target = cachePath(folder, places);
  await removeTree(target);
  await mkdir(join(target, ".."), { recursive: true, mode: 0o700 });
  await rename(source, target);
}

/** Removes the caches of a pool. */
export async function removeCaches(dataDirectory: DataDirectory, folder: string): Promise<void> {
  for (const runs of runFolders(dataDirectory)) await removeTree(join(runs, folder));
}

/** Whether it is a folder itself: no link to one. */
async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
