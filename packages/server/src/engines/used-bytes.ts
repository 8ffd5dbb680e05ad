import type { Dirent, Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Files that are asked about at once. */
const batch = 64;
/** What `Stats.blocks` counts in, whatever the file system. */
const blockBytes = 512;

/**
 * The room on disk that trees take which runs write to: holes cost nothing, a file with several names counts once, links
 * are not followed. What vanishes meanwhile, or may not be read, counts nothing; nor does a tree that is not there.
 */
export async function usedBytes(trees: readonly string[]): Promise<number> {
  const counted = new Set<string>();
  const waiting = [...trees];
  let total = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const entries = await entriesOf(folder);
    for (let at = 0; at < entries.length; at += batch) {
      const some = entries.slice(at, at + batch).map((entry) => join(folder as string, entry.name));
      for (const [index, about] of (await Promise.all(some.map(statusOf))).entries()) {
        if (!about) continue;
        if (about.isDirectory()) waiting.push(some[index] as string);
        else if (about.nlink > 1) {
          const file = `${about.dev}:${about.ino}`;
          if (counted.has(file)) continue;
          counted.add(file);
        }
        total += about.blocks * blockBytes;
      }
    }
  }
  return total;
}

function entriesOf(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(ignored<Dirent[]>([]));
}

function statusOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(ignored<undefined>(undefined));
}

/** The tree belongs to a run, which changes it as we look: it may also take our permission to look. */
function ignored<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG"].includes(error.code ?? "")) return instead;
    throw error;
  };
}
