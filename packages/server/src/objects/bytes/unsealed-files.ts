import { createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { keyDisabled } from "../../kms/errors.ts";
import { makeMemoryFolder } from "../../memory-folder.ts";
import type { BytesReference } from "../object-records.ts";

/**
 * Decrypted objects as files in memory, for runs that are shown files: they last as long as somebody holds them, and no
 * longer than the machine is on.
 */
export class UnsealedFiles {
  readonly #directory: string | undefined;
  readonly #ids = new Set<string>();
  /** What is being written: two hosts of a job want the same. */
  readonly #writing = new Map<string, Promise<void>>();

  /** @param directory - A folder of a memory file system, made when it is needed; without one nothing can be decrypted so. */
  constructor(directory: string | undefined) {
    this.#directory = directory;
  }

  /** Finds what an earlier process left. */
  async open(): Promise<void> {
    if (this.#directory === undefined) return;
    const names = await readdir(this.#directory).catch(() => []); // never needed
    for (const name of names) {
      if (name.endsWith(partial)) await rm(join(this.#directory, name), { force: true });
      else this.#ids.add(name);
    }
  }

  ids(): readonly string[] {
    return [...this.#ids];
  }

  /** Paths of files with the bytes in clear, in order. @throws ServiceError `KMS.…` where they do not fit. */
  async paths(
    references: readonly BytesReference[],
    read: (of: BytesReference) => Promise<Readable>,
  ): Promise<string[]> {
    const folder = await this.#folder();
    const missing = references.filter(({ id }) => !this.#ids.has(id));
    await requireRoom(
      folder,
      missing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    );
    for (const reference of missing) await this.#write(join(folder, reference.id), reference, read);
    return references.map(({ id }) => join(folder, id));
  }

  async remove(id: string): Promise<void> {
    if (this.#directory === undefined || !this.#ids.delete(id)) return;
    await rm(join(this.#directory, id), { force: true });
  }

  async #folder(): Promise<string> {
    if (this.#directory === undefined) {
      throw keyDisabled("Encrypted objects cannot be shown as files: this host has no memory file system at /dev/shm.");
    }
    await makeMemoryFolder(this.#directory);
    return this.#directory;
  }

  async #write(
    path: string,
    reference: BytesReference,
    read: (of: BytesReference) => Promise<Readable>,
  ): Promise<void> {
    const { id } = reference;
    const writing =
      this.#writing.get(id) ??
      (async () => {
        await pipeline(await read(reference), createWriteStream(path + partial, { mode: 0o444 }));
        await rename(path + partial, path);
        this.#ids.add(id);
      })().finally(() => this.#writing.delete(id));
    this.#writing.set(id, writing);
    await writing;
  }
}

const partial = ".partial";
/** Runs need memory too. */
const largestShare = 0.9;

async function requireRoom(folder: string, sizeBytes: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  const room = Math.min(bavail * bsize, process.availableMemory()) * largestShare;
  if (sizeBytes <= room) return;
  const gigabytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
  throw keyDisabled(
    `Encrypted input of ${gigabytes(sizeBytes)} GB is decrypted into memory only, and ${gigabytes(room)} GB are free.`,
  );
}
