import {
  chmodSync,
  chownSync,
  closeSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { readTar, type TarEntry, TarError } from "../../serving/artifacts/tar-reader.ts";
import { InvalidLayer, LayerTree } from "./layer-tree.ts";

/** What bounds one layer: compressed well, an archive of some kilobytes can fill any disk. */
export interface LayerLimits {
  readonly mostBytes: number;
  readonly mostMembers: number;
  /** Free space that must stay on the disk. */
  readonly spareBytes: number;
}

/** What was unpacked. */
export interface UnpackedLayer {
  readonly sizeBytes: number;
  readonly members: number;
  /** Paths below the folder that hide what lower layers have there. */
  readonly whiteouts: readonly string[];
  /** Folders that show nothing of lower layers. */
  readonly opaque: readonly string[];
}

/** Ids that a run has; what belongs to others belongs to nobody. */
const idCount = 65_536;
const nobody = 65_534;
/** The disk is looked at after this many bytes. */
const lookEveryBytes = 64 * 1024 * 1024;

/**
 * Unpacks a layer, as it was pushed (plain, gzip or zstd), into an empty folder. Owners are kept where we may, times and
 * modes are, but for the bits that give somebody another's rights; devices are left out.
 * @throws InvalidLayer, or the file system's error.
 */
export async function unpackLayer(
  source: AsyncIterable<Buffer>,
  directory: string,
  limits: LayerLimits,
): Promise<UnpackedLayer> {
  const unpacking = new Unpacking(directory, limits);
  try {
    await readTar(await decompressed(source), {
      entry: async (entry) => unpacking.begin(entry),
      data: async (chunk) => unpacking.write(chunk),
      end: async () => unpacking.end(),
    });
  } catch (error) {
    unpacking.close();
    const { code } = error as NodeJS.ErrnoException;
    if (
      error instanceof TarError ||
      code?.startsWith("Z_") ||
      code?.startsWith("ZSTD_") ||
      code?.startsWith("ERR_ZSTD")
    ) {
      throw new InvalidLayer((error as Error).message, { cause: error });
    }
    throw error;
  }
  return unpacking.result();
}

/** By the first bytes: clients and media types do not always agree. */
async function decompressed(source: AsyncIterable<Buffer>): Promise<AsyncIterable<Buffer>> {
  const iterator = source[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 4) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const whole = async function* (): AsyncGenerator<Buffer> {
    yield head;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield next.value;
    }
  };
  const magic = head.toString("hex", 0, 4);
  const decompressor = magic.startsWith("1f8b")
    ? createGunzip()
    : magic === "28b52ffd"
      ? createZstdDecompress()
      : undefined;
  if (!decompressor) return whole();
  // A failure of the source ends the decompressor with it, and whoever reads gets it.
  return pipeline(Readable.from(whole()), decompressor, () => {});
}

class Unpacking {
  readonly #directory: string;
  readonly #limits: LayerLimits;
  readonly #tree = new LayerTree();
  readonly #isRoot = process.geteuid?.() === 0;
  readonly #hidden = new Set<string>();
  readonly #opaque = new Set<string>();
  #members = 0;
  #sizeBytes = 0;
  #lookedAt = 0;
  #file: { descriptor: number; path: string; entry: TarEntry } | undefined;

  constructor(directory: string, limits: LayerLimits) {
    this.#directory = directory;
    this.#limits = limits;
  }

  begin(entry: TarEntry): void {
    if (++this.#members > this.#limits.mostMembers) {
      throw new InvalidLayer(`it has more than ${this.#limits.mostMembers} members`);
    }
    const parts = LayerTree.split(entry.path);
    if (parts.length === 0) return;
    const name = parts.at(-1) as string;
    if (name.startsWith(".wh.")) return this.#hide(parts, name);
    const { folder, missing } = this.#tree.place(parts);
    for (const path of missing) this.#makeFolder(path);
    const path = [...folder, name];
    switch (entry.type) {
      case "directory":
        return this.#folder(path, entry);
      case "file":
        return this.#open(path, entry);
      case "symlink":
        return this.#symlink(path, entry);
      case "hardlink":
        return this.#hardlink(path, entry);
      case "special":
        // Devices and the like: a run has those of its own /dev, and may have no others.
        return undefined;
    }
  }

  write(chunk: Buffer): void {
    this.#count(chunk.length);
    if (!this.#file) return;
    for (let at = 0; at < chunk.length; ) at += writeSync(this.#file.descriptor, chunk, at);
  }

  end(): void {
    const file = this.#file;
    if (!file) return;
    this.close();
    this.#finish(file.path, file.entry);
    utimesSync(file.path, file.entry.modifiedAt, file.entry.modifiedAt);
  }

  close(): void {
    if (this.#file) closeSync(this.#file.descriptor);
    this.#file = undefined;
  }

  result(): UnpackedLayer {
    const whiteouts: string[] = [];
    const opaque = new Set(this.#opaque);
    for (const path of this.#hidden) {
      const node = this.#tree.at(path.split("/"));
      // Hidden below and made anew here: a folder must not show what was hidden.
      if (node?.kind === "folder") opaque.add(path);
      else if (node === undefined) whiteouts.push(path);
    }
    return { sizeBytes: this.#sizeBytes, members: this.#members, whiteouts, opaque: [...opaque] };
  }

  /** `.wh.NAME` hides a name of lower layers, `.wh..wh..opq` all names of its folder; other such names are a tool's own. */
  #hide(parts: readonly string[], name: string): void {
    const hidden = name.slice(".wh.".length);
    const isOpaque = name === ".wh..wh..opq";
    if (!isOpaque && (hidden.startsWith(".wh.") || hidden === "" || hidden === "." || hidden === "..")) return;
    const { folder, missing } = this.#tree.place(parts);
    for (const path of missing) this.#makeFolder(path);
    if (isOpaque) this.#opaque.add(folder.join("/"));
    else this.#hidden.add([...folder, hidden].join("/"));
  }

  #makeFolder(path: readonly string[]): void {
    mkdirSync(this.#path(path), { mode: 0o755 });
    this.#tree.putFolder(path);
  }

  #folder(path: readonly string[], entry: TarEntry): void {
    if (this.#tree.at(path)?.kind !== "folder") {
      this.#clear(path);
      this.#makeFolder(path);
    }
    this.#finish(this.#path(path), entry);
  }

  #open(path: readonly string[], entry: TarEntry): void {
    this.#clear(path);
    const target = this.#path(path);
    this.#file = { descriptor: openSync(target, "wx", 0o600), path: target, entry };
    this.#tree.putFile(path);
  }

  #symlink(path: readonly string[], entry: TarEntry): void {
    if (entry.linkTo === "" || entry.linkTo.length > 4095)
      throw new InvalidLayer(`it has a link without a target at ${entry.path}`);
    this.#clear(path);
    const target = this.#path(path);
    symlinkSync(entry.linkTo, target);
    this.#tree.putLink(path, entry.linkTo);
    if (this.#isRoot) lchownSync(target, idOf(entry.uid), idOf(entry.gid));
  }

  #hardlink(path: readonly string[], entry: TarEntry): void {
    const { folder, name } = this.#tree.place(LayerTree.split(entry.linkTo));
    const source = [...folder, name];
    const node = this.#tree.at(source);
    if (node?.kind !== "file" && node?.kind !== "link") {
      throw new InvalidLayer(`it has a hard link to what it does not have itself: ${entry.path} to ${entry.linkTo}`);
    }
    if (source.join("/") === path.join("/")) return;
    this.#clear(path);
    linkSync(this.#path(source), this.#path(path));
    if (node.kind === "link") this.#tree.putLink(path, node.target);
    else this.#tree.putFile(path);
  }

  /** Takes away what an earlier member put there. Its folder is real, so nothing else can be meant. */
  #clear(path: readonly string[]): void {
    if (this.#tree.at(path) !== undefined) rmSync(this.#path(path), { recursive: true, force: true });
  }

  #finish(path: string, { mode, uid, gid }: TarEntry): void {
    if (this.#isRoot) chownSync(path, idOf(uid), idOf(gid));
    // After the change of owner, which takes bits away; without set-user-id and set-group-id.
    chmodSync(path, mode & 0o1777);
  }

  #count(bytes: number): void {
    this.#sizeBytes += bytes;
    const { mostBytes, spareBytes } = this.#limits;
    if (this.#sizeBytes > mostBytes) throw new InvalidLayer(`unpacked it has more than ${mostBytes} bytes`);
    if (this.#sizeBytes - this.#lookedAt < lookEveryBytes) return;
    this.#lookedAt = this.#sizeBytes;
    const { bavail, bsize } = statfsSync(this.#directory);
    if (bavail * bsize < spareBytes)
      throw new InvalidLayer("there is not enough space on this server's disk to unpack it");
  }

  #path(path: readonly string[]): string {
    return join(this.#directory, ...path);
  }
}

function idOf(id: number): number {
  return id < idCount ? id : nobody;
}
