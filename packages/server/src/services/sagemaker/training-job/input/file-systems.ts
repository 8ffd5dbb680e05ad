import { realpath, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import type { InputChannel } from "../input-data.ts";

/** File systems of this installation: host directories by the ids that requests name. */
export type FileSystems = Readonly<Record<string, string>>;

/** A directory of a file system, as a request says it. */
export type FileSystemDataSource = NonNullable<NonNullable<InputChannel["DataSource"]>["FileSystemDataSource"]>;

/** A directory in a file system; both parts without links. */
export interface FileSystemPlace {
  /** Absolute: what the path may not lead out of. */
  readonly root: string;
  /** Relative to the root, empty for the root itself. */
  readonly path: string;
}

/** A FileSystemDataSource cannot be shown; the message names the member. */
export class FileSystemFault extends Error {
  override readonly name = "FileSystemFault";
}

/**
 * Where the directory of a FileSystemDataSource is on this host.
 * @throws FileSystemFault when the file system is unknown, the directory is not there, or it leads out of the file system.
 */
export async function locateFileSystem(source: FileSystemDataSource, known: FileSystems): Promise<FileSystemPlace> {
  const { FileSystemId: id, DirectoryPath: wanted } = source;
  const directory = Object.hasOwn(known, id) ? known[id] : undefined;
  if (directory === undefined) {
    const ids = Object.keys(known);
    const there = ids.length === 0 ? "none is" : `${ids.join(", ")} ${ids.length === 1 ? "is" : "are"}`;
    throw new FileSystemFault(`FileSystemId "${id}" is not configured: ${there} (setting file-system).`);
  }
  const refuse = (why: string) => new FileSystemFault(`DirectoryPath "${wanted}" of ${id} ${why}`);
  if (!wanted.startsWith("/")) throw refuse("must begin with a slash.");
  if (wanted.includes("\0") || wanted.split("/").includes("..")) throw refuse("must not lead out of the file system.");
  const root = await realpath(directory).catch(() => undefined);
  if (root === undefined) throw new FileSystemFault(`The directory ${directory} of ${id} cannot be read on this host.`);
  const found = await realpath(join(root, withoutMountName(source, wanted))).catch(() => undefined);
  if (found === undefined || !(await stat(found)).isDirectory()) throw refuse("is no directory there.");
  const path = relative(root, found);
  if (path === ".." || path.startsWith("../")) throw refuse("leads out of the file system by a link.");
  return { root, path };
}

/** A Lustre path begins with the name that the file system is mounted under, which is no folder of it. */
function withoutMountName({ FileSystemType: type }: FileSystemDataSource, path: string): string {
  return type === "FSxLustre" ? path.replace(/^\/+[^/]*/, "") : path;
}
