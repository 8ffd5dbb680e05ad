import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** A file or folder below a root. */
export interface TreeEntry {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly kind: "file" | "directory";
}

/**
 * Every folder and regular file below `root`, a folder before what it holds. Sockets and links are left out, and
 * folders that vanish while they are read are empty.
 * @param isWanted - Leaves out an entry and everything below it.
 */
export async function* walk(root: string, isWanted: (path: string) => boolean, below = ""): AsyncGenerator<TreeEntry> {
  for (const entry of await entriesOf(join(root, below))) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (!isWanted(path)) continue;
    if (entry.isDirectory()) {
      yield { path, kind: "directory" };
      yield* walk(root, isWanted, path);
    } else if (entry.isFile()) {
      yield { path, kind: "file" };
    }
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
