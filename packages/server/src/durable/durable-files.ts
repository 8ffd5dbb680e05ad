import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import type { FileLayer } from "./file-layer.ts";
import { nodeFileLayer } from "./file-layer.ts";

/**
 * Replaces or creates a file so that, whatever happens, its name leads to the old bytes or to all of the new ones;
 * once this resolves, to the new ones also after power loss.
 *
 * The order is what makes it true: write beside it, fsync the bytes, rename, fsync the folder.
 */
export async function writeFileDurably(
  path: string,
  bytes: Uint8Array | string,
  { mode = 0o600, layer = nodeFileLayer }: { mode?: number; layer?: FileLayer } = {},
): Promise<void> {
  const beside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  const file = await layer.create(beside, mode);
  try {
    try {
      await file.write(typeof bytes === "string" ? Buffer.from(bytes, "utf8") : bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await layer.rename(beside, path);
  } catch (error) {
    // The name never led here, so what is left is only litter; failing to remove it must not hide the cause.
    await layer.unlink(beside).catch(() => {});
    throw error;
  }
  await layer.syncDirectory(dirname(path));
}

/**
 * Renames a file whose bytes are already synced, and resolves when the new name survives power loss. Across two
 * folders the target is synced first: a crash between the two leaves both names, never neither.
 */
export async function renameDurably(from: string, to: string, layer: FileLayer = nodeFileLayer): Promise<void> {
  await layer.rename(from, to);
  await layer.syncDirectory(dirname(to));
  if (dirname(from) !== dirname(to)) await layer.syncDirectory(dirname(from));
}

/** Resolves when the names in the folder survive power loss. One call serves any number of names. */
export async function syncDirectory(path: string, layer: FileLayer = nodeFileLayer): Promise<void> {
  await layer.syncDirectory(path);
}

/** Creates the folder and whatever it misses above itself; resolves when they survive power loss. */
export async function makeDirectoryDurably(
  path: string,
  { mode = 0o700, layer = nodeFileLayer }: { mode?: number; layer?: FileLayer } = {},
): Promise<void> {
  try {
    await layer.makeDirectory(path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await makeDirectoryDurably(dirname(path), { mode, layer });
    // Once more and not again: some file systems say ENOENT of a folder that they would not make at all.
    await layer.makeDirectory(path, mode);
  }
  await layer.syncDirectory(dirname(path));
}
