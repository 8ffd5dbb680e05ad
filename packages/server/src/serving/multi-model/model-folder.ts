import { mkdir, readdir, readFile, rename, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isKeyError } from "../../kms/errors.ts";
import type { ObjectCatalogue, ObjectEntry } from "../../objects/object-catalogue.ts";
import { ArchiveRefused, defaultExtractLimits, extractModelArchive } from "../artifacts/extract.ts";
import { keyOf } from "../artifacts/model-cache.ts";
import { validationError } from "../invoke/model-errors.ts";

/** An unpacked model of an instance. */
export interface FolderModel {
  /** What the container knows it by: opaque, another one for each version of the object. */
  readonly name: string;
  /** What requests call it. */
  readonly target: string;
  readonly sizeBytes: number;
}

/** Where a multi-model container's models come from. */
export interface ModelSource {
  readonly bucket: string;
  readonly prefix: string;
}

interface FolderOptions {
  /** Belongs to one instance, which sees it read-only. */
  readonly directory: string;
  readonly source: ModelSource;
  readonly objects: Pick<ObjectCatalogue, "head" | "read">;
  /** Whether the directory is in memory, where encrypted models may lie in clear. */
  readonly isInMemory: boolean;
}

/** Refusals that are remembered, so that a broken archive is not fetched for every request. */
const mostRefusals = 1_000;
/** Models that are not loaded make room when less of the disk than this is free. */
const leastFree = 0.1;

/**
 * The unpacked models of one instance, one folder each. They stay when they are unloaded, until the disk gets full; a folder
 * appears whole or not at all, and needs no flush: the instance does not outlive the machine.
 */
export class ModelFolder {
  readonly #options: FolderOptions;
  /** By name, the longest unused first. */
  readonly #models = new Map<string, FolderModel>();
  readonly #refusals = new Map<string, string>();

  constructor(options: FolderOptions) {
    this.#options = options;
  }

  /** Finds what a server before this one has unpacked, and drops what it had half done. */
  async open(): Promise<readonly FolderModel[]> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o755 });
    for (const name of await readdir(directory)) {
      const about = await readAbout(join(directory, name));
      if (about === undefined) await rm(join(directory, name), { recursive: true, force: true });
      else this.#models.set(name, { ...about, name });
    }
    return [...this.#models.values()];
  }

  /**
   * Fetches and unpacks a model, unless it is there already.
   * @param isLoaded - Models that must not make room.
   * @throws ServiceError ValidationError when there is no such object, or when it is no model archive.
   */
  async prepare(target: string, isLoaded: (name: string) => boolean): Promise<FolderModel> {
    const { bucket, prefix } = this.#options.source;
    const { objects } = this.#options;
    const entry = await objects.head(bucket, `${prefix}${target}`);
    const uri = `s3://${bucket}/${prefix}${target}`;
    if (entry === undefined) {
      throw validationError(`Failed to download model data from URL "${uri}": there is no such object.`);
    }
    const name = keyOf(entry);
    const refusal = this.#refusals.get(name);
    if (refusal !== undefined) throw validationError(refusal);
    const known = this.#models.get(name);
    if (known !== undefined) {
      this.#models.delete(name);
      this.#models.set(name, known);
      return known;
    }
    try {
      return await this.#unpack(target, name, entry, isLoaded);
    } catch (error) {
      if (!(error instanceof ArchiveRefused) && !isKeyError(error)) throw error;
      const reason = `Failed to extract model data archive from URL "${uri}": ${error.message}. Please ensure that the object located at the URL is a valid tar.gz archive.`;
      if (this.#refusals.size >= mostRefusals) this.#refusals.clear();
      this.#refusals.set(name, reason);
      throw validationError(reason);
    }
  }

  /** Deletes an unpacked model. */
  async remove(name: string): Promise<void> {
    this.#models.delete(name);
    await rm(join(this.#options.directory, name), { recursive: true, force: true });
  }

  async #unpack(
    target: string,
    name: string,
    entry: ObjectEntry,
    isLoaded: (name: string) => boolean,
  ): Promise<FolderModel> {
    const { directory, objects, isInMemory } = this.#options;
    if (entry.isEncrypted && !isInMemory) {
      throw new ArchiveRefused(
        "it is encrypted with a KMS key, and this endpoint keeps models on disk: give its configuration a KmsKeyId",
      );
    }
    await this.#makeRoom(isLoaded);
    const partial = join(directory, `${name}.partial`);
    try {
      await rm(partial, { recursive: true, force: true });
      await mkdir(join(partial, "model"), { recursive: true, mode: 0o755 });
      const body = await objects.read(entry.bucket, entry.key);
      const limits = { ...defaultExtractLimits, maxBytes: await freeBytes(directory) };
      const files = await extractModelArchive(body, join(partial, "model"), limits, false);
      const about = { target, sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
      await writeFile(join(partial, "about.json"), JSON.stringify(about));
      await rename(partial, join(directory, name));
      const model = { ...about, name };
      this.#models.set(name, model);
      return model;
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    }
  }

  /** Deletes models that are not loaded, the longest unused first, while the disk is nearly full. */
  async #makeRoom(isLoaded: (name: string) => boolean): Promise<void> {
    const idle = [...this.#models.keys()].filter((name) => !isLoaded(name));
    for (const name of idle) {
      const { bavail, blocks } = await statfs(this.#options.directory);
      if (bavail >= blocks * leastFree) return;
      await this.remove(name);
    }
  }
}

/** What the disk has, less a twentieth of it that stays free. */
async function freeBytes(directory: string): Promise<number> {
  const { bavail, blocks, bsize } = await statfs(directory);
  return Math.min(defaultExtractLimits.maxBytes, Math.max(0, (bavail - blocks / 20) * bsize));
}

async function readAbout(folder: string): Promise<Omit<FolderModel, "name"> | undefined> {
  if (folder.endsWith(".partial")) return undefined;
  const text = await readFile(join(folder, "about.json"), "utf8").catch(() => undefined); // none: half made
  return text === undefined ? undefined : (JSON.parse(text) as Omit<FolderModel, "name">);
}
