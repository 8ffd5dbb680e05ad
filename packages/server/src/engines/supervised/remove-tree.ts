import { chmod, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Deletes a tree whatever modes a run gave its folders (overlayfs leaves one of mode 0000 itself). Links are deleted,
 * never followed; nothing there is no error.
 */
export async function removeTree(path: string): Promise<void> {
  // A recursive removal that fails leaves others of its kind under way for a moment: hence several attempts.
  for (let attempt = 1; ; attempt++) {
    try {
      return await rm(path, { recursive: true, force: true });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (attempt === maxAttempts || !["EACCES", "EPERM", "ENOTEMPTY"].includes(code ?? "")) throw error;
      await openFolders(path);
    }
  }
}

const maxAttempts = 5;

async function openFolders(path: string): Promise<void> {
  try {
    await chmod(path, 0o700);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory()) await openFolders(join(path, entry.name));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // removed meanwhile
  }
}
