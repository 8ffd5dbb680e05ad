import { lstat, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { memoryFileSystem } from "./data-directory.ts";

/**
 * Makes a folder in the memory file system, where anybody may make folders: one on the way to it that is somebody else's, or
 * that others may write to, is refused.
 */
export async function makeMemoryFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const own = process.geteuid?.();
  for (let folder = path; folder !== memoryFileSystem && folder !== dirname(folder); folder = dirname(folder)) {
    const about = await lstat(folder);
    if (!about.isDirectory() || about.uid !== own || (about.mode & 0o022) !== 0) {
      throw new Error(`${folder} must be a folder of the server's own user that nobody else may write to; remove it`);
    }
  }
}
