import { type SkippedEntry, type TreeFile, walkTree } from "./safe-tree.ts";

/** A folder as several machines left it, each below a root of its own. */
export interface MergedTree {
  /** In order: where two have the same name, the later one's counts. */
  readonly roots: readonly string[];
  /** Below each root. */
  readonly segments: readonly string[];
  /** Told of everything that cannot be taken. */
  readonly onSkip: (entry: SkippedEntry, root: number) => void;
  /** Told of everything that gives way to a later root's entry of the same name. */
  readonly onClash: (path: string, root: number) => void;
}

/**
 * Walks the regular files of all roots as one folder: what one root has as a file and a later one as a folder, or the
 * other way round, clashes like two files. A file may only be opened while the walk stands on it.
 */
export async function* walkMerged({ roots, segments, onSkip, onClash }: MergedTree): AsyncGenerator<TreeFile> {
  const names = roots.length > 1 ? await lastRoots(roots, segments) : undefined;
  for (const [index, root] of roots.entries()) {
    for await (const file of walkTree(root, segments, (entry) => onSkip(entry, index))) {
      if (names && givesWay(file.path, index, names)) onClash(file.path, index);
      else yield file;
    }
  }
}

/** The last root that has a path as a file, and the last that has it as a folder. */
interface LastRoots {
  readonly files: ReadonlyMap<string, number>;
  readonly folders: ReadonlyMap<string, number>;
}

async function lastRoots(roots: readonly string[], segments: readonly string[]): Promise<LastRoots> {
  const files = new Map<string, number>();
  const folders = new Map<string, number>();
  for (const [index, root] of roots.entries()) {
    for await (const { path } of walkTree(root, segments)) {
      files.set(path, index);
      for (const folder of foldersOf(path)) folders.set(folder, index);
    }
  }
  return { files, folders };
}

function givesWay(path: string, root: number, { files, folders }: LastRoots): boolean {
  const later = (last: number | undefined) => last !== undefined && last > root;
  return later(files.get(path)) || later(folders.get(path)) || foldersOf(path).some((name) => later(files.get(name)));
}

/** `a/b/c` lies in `a` and `a/b`. */
function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1)) folders.push(path.slice(0, end));
  return folders;
}
