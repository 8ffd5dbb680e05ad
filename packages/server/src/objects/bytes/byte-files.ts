import { type FileHandle, open, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { makeDirectoryDurably } from "../../durable/durable-files.ts";
import type { FileLayer, LayerFile } from "../../durable/file-layer.ts";
import { randomHex } from "../random-id.ts";

/** Bytes are read in pieces of this size: large enough that one stream fills a fast network, small enough to hold many. */
const READ_AHEAD_BYTES = 512 * 1024;

/** A file on its way into the store. It has no name that anything refers to until `publish`. */
export interface PendingFile {
  readonly id: string;
  write(bytes: Uint8Array): Promise<void>;
  /** Starts bytes on their way to the disk early; `publish` waits for the rest. */
  sync(): Promise<void>;
  /** Resolves when bytes and name survive power loss. Until a record refers to it, the file is litter for the sweep. */
  publish(): Promise<void>;
  /** The record that refers to the file is committed, or nothing ever will be. */
  settle(): void;
  /** Removes what was written. */
  abandon(): Promise<void>;
}

/**
 * Immutable files named by random ids: `<directory>/<two hex digits>/<id>`, mode 0444. A key never names a file, so
 * any key is fine, and a file never changes, so a job may read it in place.
 *
 * A file is written under the id that it keeps: nothing can refer to it before it is whole, so that there is nothing to
 * rename. Order of a write, which is what makes it durable: create, write, fsync the bytes and (meanwhile) the folder, and
 * only then the record that refers to it. A crash leaves an unreferenced file at most.
 */
export class ByteFiles {
  readonly #directory: string;
  readonly #layer: FileLayer;
  readonly #folders = new Map<string, Promise<void>>();
  /** Written by this process and perhaps not referred to yet: a sweep leaves them alone. */
  readonly #pending = new Set<string>();

  constructor(directory: string, layer: FileLayer) {
    this.#directory = directory;
    this.#layer = layer;
  }

  async open(): Promise<void> {
    await makeDirectoryDurably(this.#directory, { layer: this.#layer });
  }

  path(id: string): string {
    return join(this.#directory, id.slice(0, 2), id);
  }

  async create(): Promise<PendingFile> {
    const id = randomHex(16);
    const path = this.path(id);
    const folder = await this.#folder(id.slice(0, 2));
    this.#pending.add(id);
    const file: LayerFile = await this.#layer.create(path, 0o444);
    // The name is on its way to the disk while the bytes still arrive.
    const named = this.#layer.syncDirectory(folder);
    named.catch(() => {});
    let isOpen = true;
    const close = async () => {
      if (isOpen) await file.close();
      isOpen = false;
    };
    return {
      id,
      write: (bytes) => file.write(bytes),
      sync: () => file.sync(),
      publish: async () => {
        await Promise.all([file.sync(), named]);
        await close();
      },
      settle: () => void this.#pending.delete(id),
      abandon: async () => {
        // Whatever fails here leaves only litter; it must not hide the failure that led here.
        await named.catch(() => {});
        await close().catch(() => {});
        await this.#layer.unlink(path).catch(() => {});
        this.#pending.delete(id);
      },
    };
  }

  /** The file, open for reading. */
  file(id: string): Promise<FileHandle> {
    return open(this.path(id));
  }

  /** Opens the file before it resolves, so that a later removal does not disturb the reader. @param end - Inclusive. */
  async read(id: string, start: number, end: number): Promise<Readable> {
    const file = await open(this.path(id));
    return file.createReadStream({ start, end, highWaterMark: READ_AHEAD_BYTES });
  }

  /** Removes the file if it is there. Not synced: a name that comes back after power loss is litter. */
  async remove(id: string): Promise<void> {
    await this.#layer.unlink(this.path(id)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  /** Ids of every file that no write of this process is about to refer to. */
  async *settled(): AsyncGenerator<string> {
    for (const folder of await readdir(this.#directory)) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue;
      for (const id of await readdir(join(this.#directory, folder))) if (!this.#pending.has(id)) yield id;
    }
  }

  /** Whether the last process said that it ended in good order; the next one starts unclean until `markClean`. */
  async wasClean(): Promise<boolean> {
    const marker = join(this.#directory, "in-use");
    try {
      await writeFile(marker, "", { flag: "wx" });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      return false;
    }
  }

  async markClean(): Promise<void> {
    await rm(join(this.#directory, "in-use"), { force: true });
  }

  #folder(name: string): Promise<string> {
    const path = join(this.#directory, name);
    let made = this.#folders.get(name);
    if (!made) {
      made = makeDirectoryDurably(path, { layer: this.#layer });
      this.#folders.set(name, made);
      // A failure (disk full) must not be remembered for ever.
      made.catch(() => this.#folders.delete(name));
    }
    return made.then(() => path);
  }
}
