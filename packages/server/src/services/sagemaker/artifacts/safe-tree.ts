import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";

/** One regular file of a tree that a job left behind. */
export interface TreeFile {
  /** Relative to the tree, segments joined by `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly mode: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  /** Opens it. The handle is the caller's to close. */
  open(): Promise<FileHandle>;
}

/** What the walk left out, for a line in the job's log. */
export interface SkippedEntry {
  readonly path: string;
  readonly why: "link" | "special" | "unreadable";
}

/** A folder tree deeper than this is left out: a hostile job could otherwise exhaust our descriptors. */
const maxDepth = 64;

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// O_NONBLOCK: opening a named pipe must not wait for a writer.
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Walks the regular files below `root/segments…`, in order of path, without ever following a link that the job made:
 * neither the last segment nor any folder on the way. On Linux children are opened through the descriptor of their
 * folder (`/proc/self/fd`), so that swapping a folder for a link during the walk wins nothing.
 *
 * A file may only be opened while the walk stands on it.
 * @param root - A folder of ours; it may be a link itself.
 * @param segments - Names below it that belong to the job.
 */
export async function* walkTree(
  root: string,
  segments: readonly string[],
  onSkip: (entry: SkippedEntry) => void = () => {},
): AsyncGenerator<TreeFile> {
  const folder = await openFolder(root, segments);
  if (folder === "absent") return;
  if (typeof folder === "string") return onSkip({ path: "", why: folder });
  try {
    yield* walkFolder(folder, onSkip);
  } finally {
    await folder.handle.close();
  }
}

/**
 * The first `limit` bytes of the file `root/segments…`, which a job may have written, or `undefined` where it is absent
 * or no regular file. Links are not followed.
 */
export async function readJobFile(
  root: string,
  segments: readonly string[],
  limit: number,
): Promise<Buffer | undefined> {
  const folder = await openFolder(root, segments.slice(0, -1));
  if (typeof folder === "string") return undefined;
  try {
    const handle = await openEntry(folder.handle, folder.hostPath, segments.at(-1) as string, fileFlags);
    if (typeof handle === "string") return undefined;
    try {
      if (!(await handle.stat()).isFile()) return undefined;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(limit), 0, limit, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } finally {
    await folder.handle.close();
  }
}

/** Opens a folder segment by segment. */
async function openFolder(root: string, segments: readonly string[]): Promise<Folder | "absent" | SkippedEntry["why"]> {
  let folder: Folder;
  try {
    folder = {
      handle: await open(root, constants.O_RDONLY | constants.O_DIRECTORY),
      hostPath: root,
      path: "",
      depth: 0,
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "absent";
    throw error;
  }
  for (const segment of segments) {
    const next = await openWithin(folder, segment);
    if (typeof next === "string") return next;
    folder = { handle: next, hostPath: `${folder.hostPath}/${segment}`, path: "", depth: 0 };
  }
  return folder;
}

/** Opens a folder's sub-folder and closes the folder. */
async function openWithin({ handle, hostPath }: Folder, segment: string): ReturnType<typeof openEntry> {
  try {
    return await openEntry(handle, hostPath, segment, directoryFlags);
  } finally {
    await handle.close();
  }
}

interface Folder {
  readonly handle: FileHandle;
  readonly hostPath: string;
  readonly path: string;
  readonly depth: number;
}

async function* walkFolder(folder: Folder, onSkip: (entry: SkippedEntry) => void): AsyncGenerator<TreeFile> {
  const entries = await readdir(within(folder.handle, folder.hostPath, "."), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = folder.path === "" ? entry.name : `${folder.path}/${entry.name}`;
    if (entry.isSymbolicLink()) onSkip({ path, why: "link" });
    else if (entry.isDirectory()) yield* walkChild(folder, entry.name, path, onSkip);
    else if (entry.isFile()) yield* standOnFile(folder, entry.name, path, onSkip);
    else onSkip({ path, why: "special" });
  }
}

async function* walkChild(
  folder: Folder,
  name: string,
  path: string,
  onSkip: (entry: SkippedEntry) => void,
): AsyncGenerator<TreeFile> {
  if (folder.depth >= maxDepth) return onSkip({ path, why: "unreadable" });
  const handle = await openEntry(folder.handle, folder.hostPath, name, directoryFlags);
  if (handle === "absent") return;
  if (typeof handle === "string") return onSkip({ path, why: handle });
  try {
    yield* walkFolder({ handle, hostPath: `${folder.hostPath}/${name}`, path, depth: folder.depth + 1 }, onSkip);
  } finally {
    await handle.close();
  }
}

async function* standOnFile(
  folder: Folder,
  name: string,
  path: string,
  onSkip: (entry: SkippedEntry) => void,
): AsyncGenerator<TreeFile> {
  const handle = await openEntry(folder.handle, folder.hostPath, name, fileFlags);
  if (handle === "absent") return;
  if (typeof handle === "string") return onSkip({ path, why: handle });
  let taken = false;
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return onSkip({ path, why: "special" });
    yield {
      path,
      sizeBytes: stat.size,
      mode: stat.mode & 0o777,
      modifiedAt: Math.trunc(stat.mtimeMs),
      async open() {
        taken = true;
        return handle;
      },
    };
  } finally {
    if (!taken) await handle.close();
  }
}

/** Opens one name in an open folder, or says why not. */
async function openEntry(
  folder: FileHandle,
  hostPath: string,
  name: string,
  flags: number,
): Promise<FileHandle | "absent" | SkippedEntry["why"]> {
  try {
    return await open(within(folder, hostPath, name), flags);
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case "ENOENT":
        return "absent";
      case "ELOOP": // O_NOFOLLOW met a link
      case "ENOTDIR":
        return "link";
      case "EACCES":
      case "EPERM":
        return "unreadable";
      case "ENXIO": // a socket
        return "special";
      default:
        throw error;
    }
  }
}

/** The path of a name in an open folder: relative to its descriptor where the system offers that. */
function within(folder: FileHandle, hostPath: string, name: string): string {
  // macOS has no such paths; its jobs run without isolation anyway, so nothing is kept apart there.
  return process.platform === "linux" ? `/proc/self/fd/${folder.fd}/${name}` : `${hostPath}/${name}`;
}
