import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, statfsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { nativeSupervisor } from "../../engines/supervised/supervisor.ts";
import { removeTree } from "../../remove-tree.ts";
import { InvalidLayer } from "./layer-tree.ts";
import { unpackInWorker } from "./unpack-in-worker.ts";
import type { UnpackedLayer } from "./unpack-layer.ts";

/** Unpacked layers that no run uses are kept up to this size, the longest unused ones going first. */
export const LAYER_CACHE_BYTES = 20 * 1024 ** 3;
/** One that was asked for this lately stays: a run may be about to start on it. */
const recentMs = 3600_000;

/** Far above what images have; a layer of zeros compresses a thousandfold. */
const mostBytes = 50 * 1024 ** 3;
const mostMembers = 1_000_000;
const plainBytes = 1024 ** 3;
const mostRatio = 200;
/** Left free on the disk, or a tenth of a small one. */
const spareBytes = 1024 ** 3;

/** One layer on its way into the cache. */
export interface LayerSource {
  readonly digest: string;
  /** As stored, compressed. */
  readonly sizeBytes: number;
  open(): Promise<AsyncIterable<Buffer>>;
}

/** Unpacked layers, by the digest of what was pushed: shared by images, and by runs. */
export class LayerCache {
  readonly #layers: string;
  readonly #drafts: string;
  readonly #unpacking = new Map<string, Promise<void>>();
  #turn: Promise<unknown> = Promise.resolve();
  #isOpen: Promise<void> | undefined;

  /** @param directory - Everything in it is the cache's. */
  constructor(directory: string) {
    this.#layers = join(directory, "layers");
    this.#drafts = join(directory, "unpacking");
  }

  /** Where the unpacked layer is, when it is there. It is noted as used. */
  async find(digest: string): Promise<string | undefined> {
    const folder = this.#folder(digest);
    const now = new Date();
    try {
      await utimes(join(folder, "layer.json"), now, now);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    return join(folder, "tree");
  }

  /**
   * Unpacks a layer unless it is there. One at a time: the disk is the bound.
   * @throws InvalidLayer, or the failure to read or write.
   */
  add(layer: LayerSource): Promise<void> {
    let going = this.#unpacking.get(layer.digest);
    if (!going) {
      going = this.#turn.then(() => this.#add(layer)).finally(() => this.#unpacking.delete(layer.digest));
      this.#unpacking.set(layer.digest, going);
      this.#turn = going.catch(() => {});
    }
    return going;
  }

  /**
   * Removes what is over the cache's size and unused.
   * @param inUse - Folders of layers that runs lie on.
   * @returns How many layers went.
   */
  async collect(inUse: ReadonlySet<string>, limitBytes = LAYER_CACHE_BYTES, now = Date.now()): Promise<number> {
    await this.#open();
    const layers = await Promise.all((await readdir(this.#layers)).map((name) => this.#about(name)));
    layers.sort((a, b) => a.usedAt - b.usedAt);
    let total = layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    let removed = 0;
    for (const { name, sizeBytes, usedAt } of layers) {
      if (total <= limitBytes) break;
      const folder = join(this.#layers, name);
      if (now - usedAt < recentMs || inUse.has(join(folder, "tree"))) continue;
      // Out of the way at once, so that nobody finds half a layer.
      const draft = join(this.#drafts, randomUUID());
      await rename(folder, draft);
      await removeTree(draft);
      total -= sizeBytes;
      removed++;
    }
    return removed;
  }

  async #add({ digest, sizeBytes, open }: LayerSource): Promise<void> {
    await this.#open();
    if (existsSync(this.#folder(digest))) return;
    const draft = join(this.#drafts, randomUUID());
    const tree = join(draft, "tree");
    await mkdir(tree, { recursive: true });
    try {
      const { blocks, bsize } = statfsSync(tree);
      const limits = {
        mostBytes: Math.min(mostBytes, plainBytes + sizeBytes * mostRatio),
        mostMembers,
        spareBytes: Math.min(spareBytes, (blocks * bsize) / 10),
      };
      const unpacked = await unpackInWorker(await open(), tree, limits);
      await markHidden(draft, tree, unpacked);
      await writeFile(join(draft, "layer.json"), JSON.stringify({ digest, sizeBytes: unpacked.sizeBytes }));
      // A name that survives a power cut must not lead to files that do not.
      await promisify(execFile)("sync", ["-f", draft]);
      await rename(draft, this.#folder(digest));
    } catch (error) {
      await removeTree(draft);
      throw error;
    }
  }

  /** Makes the folders, and removes what an earlier process left half unpacked. */
  #open(): Promise<void> {
    this.#isOpen ??= (async () => {
      await removeTree(this.#drafts);
      await mkdir(this.#drafts, { recursive: true, mode: 0o700 });
      await mkdir(this.#layers, { recursive: true, mode: 0o700 });
    })();
    return this.#isOpen;
  }

  async #about(name: string): Promise<{ name: string; sizeBytes: number; usedAt: number }> {
    const path = join(this.#layers, name, "layer.json");
    const { sizeBytes } = JSON.parse(await readFile(path, "utf8")) as { sizeBytes: number };
    return { name, sizeBytes, usedAt: (await stat(path)).mtimeMs };
  }

  #folder(digest: string): string {
    return join(this.#layers, digest.replace(":", "-"));
  }
}

/** Marks what the layer hides, in the way that overlays read: only a program of our own can (extended attributes). */
async function markHidden(draft: string, tree: string, { whiteouts, opaque }: UnpackedLayer): Promise<void> {
  if (whiteouts.length + opaque.length === 0) return;
  const program = nativeSupervisor()?.program;
  if (program === undefined)
    throw new InvalidLayer("it hides files of lower layers, for which the native supervisor is needed");
  const list = join(draft, "marks");
  const words = [...whiteouts.map((path) => ["whiteout", path]), ...opaque.map((path) => ["opaque", path])];
  await writeFile(list, words.map(([word, path]) => `${word}\0${join(tree, path as string)}\0`).join(""));
  await promisify(execFile)(program, ["mark", list]);
}
