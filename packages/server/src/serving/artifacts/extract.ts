import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { readTar, type TarEntry, TarError, type TarVisitor } from "./tar-reader.ts";

/** What an archive may unpack to. Every limit is there against an archive made to fill the disk. */
export interface ExtractLimits {
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Largest unpacked size for one packed byte, looked at once `ratioFreeBytes` are out. */
  readonly maxRatio: number;
  readonly ratioFreeBytes: number;
}

/** 100 GiB is the largest volume of most instance types; real weights pack below 20:1, zeros at about 1,000:1. */
export const defaultExtractLimits: ExtractLimits = {
  maxBytes: 100 * 1024 ** 3,
  maxEntries: 100_000,
  maxRatio: 200,
  ratioFreeBytes: 256 * 1024 ** 2,
};

/** One regular file that came out, relative to the directory. */
export interface ExtractedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** The archive breaks a rule of model artifacts. The message is fit for a FailureReason. */
export class ArchiveRefused extends Error {
  override readonly name = "ArchiveRefused";
}

/**
 * Unpacks a gzip-compressed tar of regular files and directories below `directory`, which must exist and be empty.
 * Files end up read-only, and on disk (fsync) where `flushes` says so. Nothing is ever written outside: links are refused, every path is
 * checked, and files are created with O_EXCL and O_NOFOLLOW.
 * @throws ArchiveRefused when the archive is broken, has a link, a device or an unsafe path, or unpacks to too much.
 */
export async function extractModelArchive(
  source: Readable,
  directory: string,
  limits: ExtractLimits = defaultExtractLimits,
  flushes = true,
): Promise<ExtractedFile[]> {
  const writer = new TreeWriter(directory, limits, flushes);
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  source.on("data", (chunk: Buffer) => {
    writer.packedBytes += chunk.length;
  });
  source.once("error", (error) => gunzip.destroy(new SourceFailed(error)));
  source.pipe(gunzip);
  // A source that was broken off before now may never say so.
  if (source.destroyed) gunzip.destroy(new SourceFailed(source.errored ?? new Error("the source was closed")));
  try {
    await readTar(gunzip, writer);
    return writer.files;
  } catch (error) {
    throw refusalOf(error);
  } finally {
    await writer.abandon();
    source.destroy();
    gunzip.destroy();
  }
}

class SourceFailed extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** Broken archives are data and become refusals; a failing disk or source is not the archive's fault and is retried. */
function refusalOf(error: unknown): unknown {
  if (error instanceof SourceFailed) return error.cause;
  if (error instanceof TarError) return new ArchiveRefused(error.message, { cause: error });
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "Z_BUF_ERROR") return new ArchiveRefused("the archive is truncated", { cause: error });
  if (code?.startsWith("Z_") === true)
    return new ArchiveRefused("it is not gzip-compressed, or damaged", { cause: error });
  if (code === "ENAMETOOLONG") return new ArchiveRefused("a name is too long for the file system", { cause: error });
  return error;
}

class TreeWriter implements TarVisitor {
  readonly files: ExtractedFile[] = [];
  packedBytes = 0;
  readonly #root: string;
  readonly #limits: ExtractLimits;
  readonly #flushes: boolean;
  readonly #kinds = new Map<string, "file" | "directory">();
  #unpackedBytes = 0;
  #entries = 0;
  #current: FileHandle | undefined;

  constructor(root: string, limits: ExtractLimits, flushes: boolean) {
    this.#root = root;
    this.#limits = limits;
    this.#flushes = flushes;
  }

  async entry(entry: TarEntry): Promise<void> {
    this.#entries += 1;
    if (this.#entries > this.#limits.maxEntries) {
      throw new ArchiveRefused(`it has more than ${this.#limits.maxEntries} entries`);
    }
    if (entry.type === "symlink" || entry.type === "hardlink") {
      throw new ArchiveRefused(
        `it holds a link (${quoted(entry.path)}); model archives may hold files and folders only`,
      );
    }
    if (entry.type === "special") {
      throw new ArchiveRefused(`${quoted(entry.path)} is neither a file nor a folder`);
    }
    const path = safePath(entry.path);
    if (path === "") return;
    if (entry.type === "directory") return await this.#directory(path);
    await this.#directory(dirname(path) === "." ? "" : dirname(path));
    this.#claim(path, "file");
    // A size that can never fit is refused before its first byte is written.
    if (this.#unpackedBytes + entry.sizeBytes > this.#limits.maxBytes) throw tooLarge(this.#limits);
    this.files.push({ path, sizeBytes: entry.sizeBytes });
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    this.#current = await open(join(this.#root, path), flags, entry.executable ? 0o555 : 0o444);
  }

  async data(chunk: Buffer): Promise<void> {
    this.#unpackedBytes += chunk.length;
    const { maxRatio, ratioFreeBytes } = this.#limits;
    if (this.#unpackedBytes > ratioFreeBytes && this.#unpackedBytes > this.packedBytes * maxRatio) {
      throw new ArchiveRefused(`it unpacks to more than ${maxRatio} times its size`);
    }
    await this.#current?.writeFile(chunk);
  }

  async end(): Promise<void> {
    const file = this.#current;
    this.#current = undefined;
    if (file === undefined) return;
    try {
      if (this.#flushes) await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Closes what an error left open. */
  async abandon(): Promise<void> {
    await this.#current?.close();
    this.#current = undefined;
  }

  async #directory(path: string): Promise<void> {
    if (path === "" || this.#kinds.get(path) === "directory") return;
    await this.#directory(dirname(path) === "." ? "" : dirname(path));
    this.#claim(path, "directory");
    await mkdir(join(this.#root, path), { mode: 0o755 });
  }

  /** Every name is made once, by us: what is there cannot be a link that someone else left. */
  #claim(path: string, kind: "file" | "directory"): void {
    if (this.#kinds.has(path)) throw new ArchiveRefused(`${quoted(path)} appears twice`);
    this.#kinds.set(path, kind);
  }
}

/** The path below the root, without `.` parts and slashes at the end; empty for the root itself. */
function safePath(path: string): string {
  if (path.startsWith("/")) throw new ArchiveRefused(`${quoted(path)} is an absolute path`);
  if (path.includes("\0")) throw new ArchiveRefused(`${quoted(path)} holds a NUL character`);
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new ArchiveRefused(`${quoted(path)} points out of the archive`);
  return parts.join("/");
}

function tooLarge(limits: ExtractLimits): ArchiveRefused {
  return new ArchiveRefused(`it unpacks to more than ${limits.maxBytes} bytes`);
}

function quoted(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}
