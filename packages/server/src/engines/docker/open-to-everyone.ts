import { chmod, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/**
 * Lets whatever user an image runs as write into a folder. The folders above it are the server's alone, so nobody else
 * on the host gets there.
 */
export async function openToEveryone(folder: string): Promise<void> {
  await chmod(folder, 0o777);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToEveryone(path);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode | 0o666);
  }
}
