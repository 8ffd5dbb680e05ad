import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, statfs, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addAbortSignal } from "node:stream";
import type { ChannelFile } from "../../engines/engine.ts";
import { isKeyError } from "../../kms/errors.ts";
import type { Log } from "../../log.ts";
import { makeMemoryFolder } from "../../memory-folder.ts";
import type { ObjectCatalogue, ObjectEntry } from "../../objects/object-catalogue.ts";
import {
  ArchiveRefused,
  defaultExtractLimits,
  type ExtractedFile,
  type ExtractLimits,
  extractModelArchive,
} from "./extract.ts";
import type { ObjectLocation } from "./model-location.ts";

/** How far a model's files are. `key` names the extracted copy for as long as it exists. */
export type PreparedModel =
  | (ReadyModel & {
      /** Those of the second and further containers of an instance, in their order. */
      readonly further?: readonly ReadyModel[];
    })
  | { readonly state: "pending" }
  /** Nothing but another object mends this. `reason` is fit for a FailureReason. */
  | { readonly state: "refused"; readonly reason: string };

interface ReadyModel {
  readonly state: "ready";
  readonly key: string;
  readonly files: readonly ChannelFile[];
  /** The same as `key` of folders besides the model, in their order; empty where there is no copy. */
  readonly additionalKeys?: readonly string[];
}

export interface ModelCacheOptions {
  /** Holds one folder per extracted archive. Belongs to this cache alone. */
  readonly directory: string;
  /** The same for models that are encrypted in the store, in memory and made when it is needed; without it they are refused. */
  readonly memoryDirectory?: string;
  readonly objects: ObjectCatalogue;
  readonly log: Log;
  readonly limits?: ExtractLimits;
}

type Extraction =
  | { readonly state: "running"; readonly listeners: Set<() => void> }
  | { readonly state: "refused"; readonly reason: string }
  | { readonly state: "failed"; readonly error: unknown };

/**
 * Extracted model archives, shared read-only by every instance that serves them. An archive is unpacked once per
 * object version (bucket, key, ETag, size and time name the copy) and appears whole or not at all: it is unpacked
 * beside its place, flushed and renamed.
 */
export class ModelCache {
  readonly #options: ModelCacheOptions;
  readonly #extractions = new Map<string, Extraction>();
  /** Unpackings under way, to be ended on close. */
  readonly #running = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #manifests = new Map<string, readonly ExtractedFile[]>();

  constructor(options: ModelCacheOptions) {
    this.#options = options;
  }

  /** Makes the folder and drops what a crash left half unpacked. Call once, before anything else. */
  async open(): Promise<void> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true });
    for (const place of await this.#places()) {
      const names = await readdir(place);
      await Promise.all(names.filter(isPartial).map((name) => rm(join(place, name), { recursive: true, force: true })));
    }
  }

  /**
   * Looks for the extracted files, and starts unpacking when they are not there. Returns at once in any case.
   * @param pinned - `key` of an earlier answer: preferred, so that a replaced instance serves what the others serve.
   * @param settled - Called once when a `pending` answer has changed.
   * @throws What broke an unpacking that is worth another try (disk full, store unreachable).
   */
  async prepare(location: ObjectLocation, pinned: string | undefined, settled: () => void): Promise<PreparedModel> {
    const kept = pinned === undefined ? undefined : await this.#ready(pinned);
    if (kept !== undefined) return kept;
    const uri = `s3://${location.bucket}/${location.key}`;
    const entry = await this.#options.objects.head(location.bucket, location.key);
    if (entry === undefined) return { state: "refused", reason: `Could not find model data at ${uri}.` };
    const key = keyOf(entry);
    const ready = await this.#ready(key);
    if (ready !== undefined) return ready;
    const known = this.#extractions.get(key);
    if (known?.state === "running") known.listeners.add(settled);
    else if (known?.state === "refused") return { state: "refused", reason: archiveReason(uri, known.reason) };
    else if (known?.state === "failed") {
      // Forgotten as it is reported, so that the next look tries again.
      this.#extractions.delete(key);
      throw known.error;
    } else this.#begin(key, entry, settled);
    return { state: "pending" };
  }

  /** Deletes copies that `isUsed` does not claim and that nobody looked for since `before`. @returns How many. */
  async collect(isUsed: (key: string) => boolean, before: number): Promise<number> {
    let removed = 0;
    for (const place of await this.#places()) {
      for (const name of await readdir(place)) {
        if (isPartial(name) || isUsed(name) || this.#extractions.has(name)) continue;
        const { mtimeMs } = await stat(join(place, name));
        if (mtimeMs >= before) continue;
        this.#manifests.delete(name);
        await rm(join(place, name), { recursive: true, force: true });
        removed += 1;
      }
    }
    return removed;
  }

  /** Breaks off what is being unpacked: the next server begins it anew. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the server stops"));
    await Promise.all(this.#running);
  }

  /** The folders of copies that are there. */
  async #places(): Promise<string[]> {
    const { directory, memoryDirectory } = this.#options;
    if (memoryDirectory === undefined) return [directory];
    const isThere = await stat(memoryDirectory).then(
      () => true,
      () => false, // never needed
    );
    return isThere ? [directory, memoryDirectory] : [directory];
  }

  async #ready(key: string): Promise<PreparedModel | undefined> {
    for (const place of await this.#places()) {
      const found = await this.#readyIn(place, key);
      if (found !== undefined) return found;
    }
    this.#manifests.delete(key);
    return undefined;
  }

  async #readyIn(place: string, key: string): Promise<PreparedModel | undefined> {
    const folder = join(place, key);
    try {
      // The time says when it was last wanted, which is what `collect` goes by.
      const now = new Date();
      await utimes(folder, now, now);
      const manifest = this.#manifests.get(key) ?? parseManifest(await readFile(join(folder, "manifest.json"), "utf8"));
      this.#manifests.set(key, manifest);
      const files = manifest.map(({ path, sizeBytes }) => ({ path, sizeBytes, source: join(folder, "files", path) }));
      return { state: "ready", key, files };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return undefined;
    }
  }

  #begin(key: string, entry: ObjectEntry, settled: () => void): void {
    const listeners = new Set([settled]);
    this.#extractions.set(key, { state: "running", listeners });
    const running = this.#extract(key, entry)
      .then(
        () => this.#extractions.delete(key),
        (error: unknown) => this.#extractions.set(key, outcomeOf(error)),
      )
      .finally(() => {
        this.#running.delete(running);
        for (const listener of listeners) listener();
      });
    this.#running.add(running);
  }

  /** Where a model is unpacked: one that is encrypted in the store touches no disk. */
  async #placeOf({ isEncrypted }: ObjectEntry): Promise<string> {
    const { directory, memoryDirectory } = this.#options;
    if (!isEncrypted) return directory;
    if (memoryDirectory === undefined) {
      throw new ArchiveRefused("it is encrypted, and this host has no memory file system (/dev/shm) to unpack it in");
    }
    await makeMemoryFolder(memoryDirectory);
    return memoryDirectory;
  }

  async #extract(key: string, entry: ObjectEntry): Promise<void> {
    const { objects, log, limits } = this.#options;
    const directory = await this.#placeOf(entry);
    const partial = join(directory, `${key}.${randomUUID()}.partial`);
    const startedAt = performance.now();
    try {
      await mkdir(join(partial, "files"), { recursive: true });
      const room = await fitting(limits, directory);
      const body = addAbortSignal(this.#closing.signal, await objects.read(entry.bucket, entry.key));
      const files = await extractModelArchive(body, join(partial, "files"), room);
      await writeFile(join(partial, "manifest.json"), JSON.stringify(files), { flush: true });
      await rename(partial, join(directory, key));
      const milliseconds = Math.round(performance.now() - startedAt);
      log.info("model unpacked", { bucket: entry.bucket, key: entry.key, files: files.length, milliseconds });
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    }
  }
}

/** Names the extracted copy of one version of an object. */
export function keyOf(entry: ObjectEntry): string {
  const parts = [entry.bucket, entry.key, entry.etag, entry.sizeBytes, entry.modifiedAt, entry.versionId ?? ""];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

function outcomeOf(error: unknown): Extraction {
  if (isKeyError(error)) return { state: "refused", reason: error.message };
  return error instanceof ArchiveRefused ? { state: "refused", reason: error.message } : { state: "failed", error };
}

/** SageMaker's form of the sentence, with the reason behind it. */
function archiveReason(uri: string, reason: string): string {
  return `Failed to extract model data archive for container "container_1" from URL "${uri}": ${reason}. Please ensure that the object located at the URL is a valid tar.gz archive.`;
}

/** Never more than the disk has, less a twentieth of it that stays free. */
async function fitting(limits: ExtractLimits = defaultExtractLimits, directory: string): Promise<ExtractLimits> {
  const disk = await statfs(directory);
  const available = Math.max(0, (disk.bavail - disk.blocks / 20) * disk.bsize);
  return { ...limits, maxBytes: Math.min(limits.maxBytes, available) };
}

function isPartial(name: string): boolean {
  return name.endsWith(".partial");
}

function parseManifest(text: string): readonly ExtractedFile[] {
  return JSON.parse(text) as readonly ExtractedFile[];
}
