import { join } from "node:path";
import type { Log } from "../../log.ts";
import type { Capabilities, Engine, RootFs, RunId, RunSpec, RunState, RunUsage } from "../engine.ts";
import { isIsolated, showsHostPaths } from "../engine.ts";
import { Adoptions } from "./adoptions.ts";
import { handModel, removeSpare, type Spare, sparePrefix, startSpare } from "./spare.ts";
import { modelChannel, spareKey } from "./spare-key.ts";

/** What is wanted of spares. */
export interface PrestartOptions {
  readonly engine: Engine;
  /** For what spares write, and which run each has become. */
  readonly directory: string;
  /** Most that wait at once; none where 0. */
  readonly most: number;
  /** So long after a run's start (or its end, see `nextAfterwards`) its spare is started, when the run has the cores no more. */
  readonly afterMs?: number;
  /** A spare that nobody wants goes. */
  readonly idleMs?: number;
  readonly log: Log;
}

interface Waiting extends Spare {
  readonly timer: NodeJS.Timeout;
}

/**
 * An engine that starts model servers of built-in algorithms in advance. After the first run of a kind a spare waits for
 * the next one: the same image, environment, size and execution role, and no model. A start then hands it the model's files and is
 * done, in a fraction of the time that a sandbox and a process take. All else is the engine's own business.
 */
export class PrestartedEngine implements Engine {
  readonly name: string;
  readonly #options: PrestartOptions;
  readonly #engine: Engine;
  readonly #adoptions: Adoptions;
  readonly #waiting = new Map<string, Waiting>();
  /** Kinds whose spare is on its way. */
  readonly #coming = new Map<string, NodeJS.Timeout | Promise<void>>();
  readonly #starting = new Map<RunId, Promise<void>>();
  /** Runs whose spares come when they are over. */
  readonly #afterwards = new Map<RunId, { readonly spec: RunSpec; readonly key: string }>();
  readonly #listeners = new Set<(id: RunId) => void>();
  #isClosed = false;

  private constructor(options: PrestartOptions, adoptions: Adoptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#adoptions = adoptions;
    this.name = options.engine.name;
  }

  /** Opens it, and ends spares that a server left waiting which was killed. */
  static async open(options: PrestartOptions): Promise<PrestartedEngine> {
    const adoptions = await Adoptions.open(join(options.directory, "adopted"));
    const engine = new PrestartedEngine(options, adoptions);
    for (const id of await options.engine.list()) {
      if (id.startsWith(sparePrefix) && adoptions.runOf(id) === undefined) {
        await removeSpare(options.engine, options.directory, id);
      }
    }
    return engine;
  }

  get capabilities(): Capabilities {
    return this.#engine.capabilities;
  }

  isolates(root: RootFs["kind"]): boolean {
    return isIsolated(this.#engine, root);
  }

  showsHostPaths(root: RootFs["kind"]): boolean {
    return showsHostPaths(this.#engine, root);
  }

  /** The spares that wait for a model. */
  get waiting(): RunId[] {
    return [...this.#waiting.values()].map(({ id }) => id);
  }

  start(id: RunId, spec: RunSpec): Promise<void> {
    const key = this.#options.most > 0 ? spareKey(this.#engine, spec) : undefined;
    if (key === undefined) return this.#engine.start(this.#adoptions.engineId(id), spec);
    const going = this.#starting.get(id);
    if (going !== undefined) return going;
    const start = this.#start(id, spec, key).finally(() => this.#starting.delete(id));
    this.#starting.set(id, start);
    return start;
  }

  observe(id: RunId): Promise<RunState> {
    return this.#engine.observe(this.#adoptions.engineId(id));
  }

  async list(): Promise<RunId[]> {
    const ids = await this.#engine.list();
    return ids.flatMap((id) => (id.startsWith(sparePrefix) ? (this.#adoptions.runOf(id) ?? []) : id)).sort();
  }

  async stop(id: RunId, graceMs: number): Promise<void> {
    await this.#starting.get(id)?.catch(() => undefined); // a start that failed leaves nothing to stop
    await this.#engine.stop(this.#adoptions.engineId(id), graceMs);
  }

  async remove(id: RunId): Promise<void> {
    await this.#starting.get(id)?.catch(() => undefined);
    if (this.#adoptions.has(id)) {
      await removeSpare(this.#engine, this.#options.directory, this.#adoptions.engineId(id));
      await this.#adoptions.drop(id);
    } else {
      await this.#engine.remove(id);
    }
    const next = this.#afterwards.get(id);
    this.#afterwards.delete(id);
    if (next !== undefined) this.#plan(next.spec, next.key);
  }

  async usage(id: RunId): Promise<RunUsage | undefined> {
    return await this.#engine.usage?.(this.#adoptions.engineId(id));
  }

  async diskUsage(id: RunId): Promise<number | undefined> {
    return await this.#engine.diskUsage?.(this.#adoptions.engineId(id));
  }

  watch(listener: (id: RunId) => void): () => void {
    this.#listeners.add(listener);
    const stop = this.#engine.watch((id) => {
      if (!id.startsWith(sparePrefix)) return listener(id);
      const run = this.#adoptions.runOf(id);
      if (run !== undefined) listener(run);
    });
    return () => {
      this.#listeners.delete(listener);
      stop();
    };
  }

  /** Runs go on; spares are no runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const coming of this.#coming.values()) {
      if (coming instanceof Promise) await coming;
      else clearTimeout(coming);
    }
    for (const key of this.#waiting.keys()) await this.#discard(key);
    await this.#engine.close();
  }

  async #start(id: RunId, spec: RunSpec, key: string): Promise<void> {
    const before = await this.observe(id);
    if (before.phase !== "absent") return;
    if (!(await this.#adopt(id, spec, key))) await this.#engine.start(id, spec);
    if (spec.nextAfterwards === true) this.#afterwards.set(id, { spec, key });
    else this.#plan(spec, key);
  }

  /** @returns Whether a spare has become the run. */
  async #adopt(id: RunId, spec: RunSpec, key: string): Promise<boolean> {
    const spare = this.#waiting.get(key);
    const model = modelChannel(spec.channels);
    if (spare === undefined || model === undefined) return false;
    clearTimeout(spare.timer);
    this.#waiting.delete(key);
    const { directory, log } = this.#options;
    try {
      await handModel(directory, spare, model.files, spec.logFile);
      // A server that is killed before this finds a spare that it ends, and starts the run anew.
      await this.#adoptions.add(id, spare.id);
    } catch (error) {
      log.warn("a model server that was started in advance could not be used", { run: id, spare: spare.id, error });
      await removeSpare(this.#engine, directory, spare.id);
      return false;
    }
    for (const listener of this.#listeners) listener(id);
    return true;
  }

  /** Has a spare for the next run of the kind, a little later. */
  #plan(spec: RunSpec, key: string): void {
    if (this.#isClosed || this.#coming.has(key) || this.#waiting.has(key)) return;
    const timer = setTimeout(() => {
      const making = this.#make(spec, key).finally(() => this.#coming.delete(key));
      this.#coming.set(key, making);
    }, this.#options.afterMs ?? 1_000);
    this.#coming.set(key, timer.unref());
  }

  async #make(spec: RunSpec, key: string): Promise<void> {
    const { directory, most, log, idleMs = 15 * 60_000 } = this.#options;
    try {
      // The one that nobody has wanted for longest makes room.
      const [oldest] = this.#waiting.keys();
      if (this.#waiting.size >= most && oldest !== undefined) await this.#discard(oldest);
      const spare = await startSpare(this.#engine, directory, spec);
      if (this.#isClosed) return await removeSpare(this.#engine, directory, spare.id);
      const timer = setTimeout(() => void this.#discard(key), idleMs).unref();
      this.#waiting.set(key, { ...spare, timer });
    } catch (error) {
      log.warn("no model server could be started in advance", { error });
    }
  }

  async #discard(key: string): Promise<void> {
    const spare = this.#waiting.get(key);
    if (spare === undefined) return;
    clearTimeout(spare.timer);
    this.#waiting.delete(key);
    await removeSpare(this.#engine, this.#options.directory, spare.id).catch((error: unknown) =>
      this.#options.log.warn("a spare model server could not be removed", { spare: spare.id, error }),
    );
  }
}
