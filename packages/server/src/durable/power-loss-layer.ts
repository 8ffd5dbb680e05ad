import { dirname, join } from "node:path";
import type { FileLayer, LayerFile } from "./file-layer.ts";

interface Inode {
  /** What a reader sees while the machine runs. */
  bytes: Buffer;
  /** What is on the disk for certain. */
  synced: Buffer;
}

type Entry = { readonly kind: "file"; readonly inode: Inode } | { readonly kind: "directory" };

/** Thrown by every call from the chosen one on: the machine has no power. */
export class PowerLost extends Error {
  override readonly name = "PowerLost";
}

/**
 * A file system in memory that forgets what was not synced: the fault-injecting layer for durability tests.
 *
 * It is as cruel as a real one may be: unsynced bytes are gone after the cut, unsynced names too, and a rename whose
 * folder was not synced shows either the old name or the new one (`survivors` gives both cases).
 */
export class PowerLossLayer implements FileLayer {
  /** Every call so far, `operation path`, for assertions on their order. */
  readonly calls: string[] = [];
  readonly #live = new Map<string, Entry>();
  readonly #durable = new Map<string, Entry>();
  #callsLeft: number;

  /** @param powerFor - Calls that succeed before the power goes; the call that is cut has no effect. */
  constructor(powerFor = Number.POSITIVE_INFINITY) {
    this.#callsLeft = powerFor;
    this.#live.set("/", { kind: "directory" });
    this.#durable.set("/", { kind: "directory" });
  }

  async create(path: string): Promise<LayerFile> {
    this.#step("create", path);
    this.#need(dirname(path), "directory");
    if (this.#live.has(path)) throw failure("EEXIST", path);
    const inode: Inode = { bytes: Buffer.alloc(0), synced: Buffer.alloc(0) };
    this.#live.set(path, { kind: "file", inode });
    return {
      write: async (bytes) => {
        this.#step("write", path);
        inode.bytes = Buffer.concat([inode.bytes, bytes]);
      },
      sync: async () => {
        this.#step("fsync", path);
        inode.synced = inode.bytes;
      },
      close: async () => this.#step("close", path),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step("rename", `${from} ${to}`);
    const entry = this.#need(from, "file");
    this.#need(dirname(to), "directory");
    this.#live.delete(from);
    this.#live.set(to, entry);
  }

  async link(existing: string, name: string): Promise<void> {
    this.#step("link", `${existing} ${name}`);
    const entry = this.#need(existing, "file");
    if (this.#live.has(name)) throw failure("EEXIST", name);
    this.#live.set(name, entry);
  }

  async unlink(path: string): Promise<void> {
    this.#step("unlink", path);
    this.#need(path, "file");
    this.#live.delete(path);
  }

  async makeDirectory(path: string): Promise<void> {
    this.#step("mkdir", path);
    if (this.#live.has(path)) throw failure("EEXIST", path);
    this.#need(dirname(path), "directory");
    this.#live.set(path, { kind: "directory" });
  }

  async syncDirectory(path: string): Promise<void> {
    this.#step("fsync-directory", path);
    this.#need(path, "directory");
    const inside = (name: string) => name !== path && dirname(name) === path;
    for (const name of this.#durable.keys()) if (inside(name) && !this.#live.has(name)) this.#durable.delete(name);
    for (const [name, entry] of this.#live) if (inside(name)) this.#durable.set(name, entry);
  }

  /** Cuts the power after this many further calls. */
  cutAfter(calls: number): void {
    this.#callsLeft = calls;
  }

  /** Bytes that a reader sees now, before any cut. */
  read(path: string): string | undefined {
    const entry = this.#live.get(path);
    return entry?.kind === "file" ? entry.inode.bytes.toString("utf8") : undefined;
  }

  /**
   * What `path` may hold when the machine comes back: `undefined` for no such file. The disk is free to have written
   * names early, so the live name with only the synced bytes is a possible answer too.
   */
  survivors(path: string): Set<string | undefined> {
    return new Set([this.#survivor(this.#durable, path), this.#survivor(this.#live, path)]);
  }

  #survivor(names: Map<string, Entry>, path: string): string | undefined {
    // A folder whose own name is lost takes everything in it along.
    for (let folder = dirname(path); folder !== "/"; folder = dirname(folder)) {
      if (!names.has(folder)) return undefined;
    }
    const entry = names.get(path);
    return entry?.kind === "file" ? entry.inode.synced.toString("utf8") : undefined;
  }

  #step(operation: string, path: string): void {
    if (this.#callsLeft <= 0) throw new PowerLost(`${operation} ${path}`);
    this.#callsLeft--;
    this.calls.push(`${operation} ${path}`);
  }

  #need(path: string, kind: Entry["kind"]): Entry {
    const entry = this.#live.get(join(path));
    if (entry?.kind !== kind) throw failure("ENOENT", path);
    return entry;
  }
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
