import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FileLock, tryFileLock } from "../../file-lock.ts";
import type { Log } from "../../log.ts";
import { type EnvironmentRecipe, recipeKey } from "./environment-recipe.ts";
import type { Progress } from "./install-progress.ts";
import { InstallFailed, makeEnvironment } from "./make-environment.ts";

/** An environment on this host. */
export interface Environment {
  readonly folder: string;
  /** Its interpreter. */
  readonly python: string;
}

/** A complete environment as people see it. */
export interface KeptEnvironment {
  readonly key: string;
  readonly title: string;
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly usedAt: number;
}

/** How far an environment is. */
export type EnvironmentState =
  | { readonly state: "ready"; readonly environment: Environment }
  | { readonly state: "preparing"; readonly progress: Progress }
  | { readonly state: "failed"; readonly reason: string };

/** Together they may take this much disk before unused ones are collected. */
const keptBytes = 20 * 2 ** 30;
/** One that was used in the last while is kept whatever the size. */
const keptMillis = 24 * 3600_000;
/** Whoever waited hears of a failure for this long; after it, a new job tries anew. */
const failureMillis = 5_000;
/** How often the use of an environment is written down. */
const useMillis = 60_000;
/** Others on this host are looked at this often while they make the one that we need. */
const lockMillis = 250;

/** Names the attempt that is complete: written last, whole. */
const marker = "complete.json";

interface Work {
  progress: Progress;
  failure?: string;
  readonly done: Promise<void>;
}

/**
 * The Python environments of a folder, which several servers may share. Each recipe has a folder, each attempt to make it
 * one of its own below, so that an installer that outlived its server never writes into what a later one makes. A kernel
 * lock lets one attempt go on at a time.
 */
export class Environments {
  readonly #directory: string;
  readonly #log: Log;
  readonly #uv: string | undefined;
  readonly #work = new Map<string, Work>();
  readonly #used = new Map<string, number>();
  readonly #stop = new AbortController();

  constructor(options: { readonly directory: string; readonly log: Log; readonly uv?: string }) {
    this.#directory = options.directory;
    this.#log = options.log;
    this.#uv = options.uv;
  }

  /** Looks how far the recipe's environment is, and begins to make it when nobody does. Returns at once. */
  async prepare(recipe: EnvironmentRecipe): Promise<EnvironmentState> {
    const key = recipeKey(recipe);
    const folder = join(this.#directory, key);
    const there = await readComplete(folder);
    if (there !== undefined) {
      await this.#use(key);
      return { state: "ready", environment: there };
    }
    const work = this.#work.get(key) ?? this.#begin(key, folder, recipe);
    if (work.failure !== undefined) return { state: "failed", reason: work.failure };
    return { state: "preparing", progress: work.progress };
  }

  /** Every complete environment, the last used first. */
  async list(): Promise<KeptEnvironment[]> {
    const all = (await keysIn(this.#directory)).map(async (key): Promise<KeptEnvironment[]> => {
      const folder = join(this.#directory, key);
      if ((await readComplete(folder)) === undefined) return [];
      const { title, sizeBytes } = JSON.parse(await readFile(join(folder, marker), "utf8")) as Marker;
      return [{ key, title, sizeBytes, usedAt: (await stat(join(folder, marker))).mtimeMs }];
    });
    return (await Promise.all(all)).flat().sort((a, b) => b.usedAt - a.usedAt);
  }

  /** Removes an environment. @returns Whether it did: one that somebody makes is left alone. */
  async remove(key: string): Promise<boolean> {
    const lock = this.#work.has(key) ? undefined : tryFileLock(this.#lockFile(key));
    if (!lock) return false;
    try {
      await this.#drop(key);
      return true;
    } finally {
      lock.release();
    }
  }

  /**
   * Removes what attempts left behind that did not end well, and environments that nobody used for a day while all
   * together are larger than the limit; the longest unused ones first.
   * @param isInUse - Whether a job or an endpoint stands on the environment with this key.
   */
  async collect(isInUse: (key: string) => boolean, limitBytes = keptBytes, now = Date.now()): Promise<number> {
    const kept: { key: string; usedAt: number; bytes: number }[] = [];
    let removed = 0;
    for (const key of await keysIn(this.#directory)) {
      const lock = this.#work.has(key) ? undefined : tryFileLock(this.#lockFile(key));
      if (!lock) continue; // being made
      try {
        const folder = join(this.#directory, key);
        removed += await removeAttempts(folder);
        const about = await stat(join(folder, marker)).catch(() => undefined); // none: nothing complete
        if (about) kept.push({ key, usedAt: about.mtimeMs, bytes: await sizeIn(folder) });
        else await rm(folder, { recursive: true, force: true });
      } finally {
        lock.release();
      }
    }
    let total = kept.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { key, usedAt, bytes } of kept.sort((a, b) => a.usedAt - b.usedAt)) {
      if (total <= limitBytes) break;
      if (isInUse(key) || now - usedAt < keptMillis) continue;
      await this.#drop(key);
      total -= bytes;
      removed++;
    }
    return removed;
  }

  /** Ends installers that are under way. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#work.values()].map(({ done }) => done));
  }

  async #drop(key: string): Promise<void> {
    await rm(join(this.#directory, key, marker), { force: true }); // first: from here on it is not there
    await rm(join(this.#directory, key), { recursive: true, force: true });
  }

  #begin(key: string, folder: string, recipe: EnvironmentRecipe): Work {
    const work: Work = {
      progress: { text: "waiting for its turn" },
      done: this.#make(key, folder, recipe, (progress) => (work.progress = progress)).then(
        () => void this.#work.delete(key),
        (error: unknown) => {
          work.failure = error instanceof InstallFailed ? error.message : String(error);
          if (!this.#stop.signal.aborted) {
            this.#log.warn("An environment could not be made.", { environment: recipe.title, error });
          }
          setTimeout(() => this.#work.delete(key), failureMillis).unref();
        },
      ),
    };
    this.#work.set(key, work);
    return work;
  }

  async #make(
    key: string,
    folder: string,
    recipe: EnvironmentRecipe,
    say: (progress: Progress) => void,
  ): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const lock = await this.#lock(key, say);
    try {
      if ((await readComplete(folder)) !== undefined) return; // another server was faster
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      const name = randomBytes(4).toString("hex");
      const attempt = join(folder, name);
      const began = Date.now();
      const uv = this.#uv;
      await makeEnvironment({ recipe, folder: attempt, uv, say, signal: this.#stop.signal });
      const sizeBytes = await sizeOf(attempt);
      await writeMarker(folder, { attempt: name, sizeBytes, title: recipe.title, packages: recipe.packages });
      this.#log.info("environment made", {
        environment: recipe.title,
        seconds: Math.round((Date.now() - began) / 1000),
      });
    } finally {
      lock.release();
    }
  }

  async #lock(key: string, say: (progress: Progress) => void): Promise<FileLock> {
    for (;;) {
      const lock = tryFileLock(this.#lockFile(key));
      if (lock) return lock;
      say({ text: "waiting for another server of this host that makes it" });
      await new Promise((resolve) => setTimeout(resolve, lockMillis));
      if (this.#stop.signal.aborted) throw new InstallFailed("the server stopped");
    }
  }

  #lockFile(key: string): string {
    return join(this.#directory, `${key}.lock`);
  }

  async #use(key: string): Promise<void> {
    const now = Date.now();
    if (now - (this.#used.get(key) ?? 0) < useMillis) return;
    this.#used.set(key, now);
    // Shared with a server of another user, or collected this moment: its age is then less exact.
    await utimes(join(this.#directory, key, marker), now / 1000, now / 1000).catch(() => undefined);
  }
}

interface Marker {
  /** Name of the attempt's folder: whoever comes by another path must not take it for a leftover. */
  readonly attempt: string;
  readonly sizeBytes: number;
  readonly title: string;
  readonly packages: readonly string[];
}

async function readComplete(folder: string): Promise<Environment | undefined> {
  try {
    const { attempt } = JSON.parse(await readFile(join(folder, marker), "utf8")) as Marker;
    const path = join(folder, attempt);
    const python = join(path, "bin", "python");
    // Whoever cleaned up by hand may have left the marker: such an environment is made anew.
    await lstat(python);
    return { folder: path, python };
  } catch {
    return undefined; // none yet
  }
}

async function writeMarker(folder: string, content: Marker): Promise<void> {
  const fresh = join(folder, `${marker}.new`);
  await writeFile(fresh, `${JSON.stringify(content, undefined, 2)}\n`, { flush: true });
  await rename(fresh, join(folder, marker));
}

async function keysIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []); // none made yet
  return names.filter((name) => /^[0-9a-f]{24}$/.test(name));
}

/** Attempts beside the complete one. */
async function removeAttempts(folder: string): Promise<number> {
  const complete = await readComplete(folder);
  let removed = 0;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (!/^[0-9a-f]{8}$/.test(name) || path === complete?.folder) continue;
    await rm(path, { recursive: true, force: true });
    removed++;
  }
  return removed;
}

async function sizeIn(folder: string): Promise<number> {
  const { sizeBytes } = JSON.parse(await readFile(join(folder, marker), "utf8")) as Marker;
  return sizeBytes;
}

/** Bytes of the regular files of a tree, once when it is made. */
async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
