import {
  type Capabilities,
  type Engine,
  isIsolated,
  type RootFs,
  type RunId,
  type RunSpec,
  type RunState,
  type RunUsage,
  showsHostPaths,
} from "./engine.ts";

/**
 * Several engines as one: images run in containers, everything else where built-in algorithms and framework environments
 * do. Which of them has a run is asked, never remembered, so nothing is lost with the server.
 */
export class RoutedEngine implements Engine {
  readonly name: string;
  readonly #home: Engine;
  readonly #containers: Engine;

  /**
   * @param home - Runs every root that is made of this host's files. It is asked first, and must answer cheaply.
   * @param containers - Runs images.
   */
  constructor(home: Engine, containers: Engine) {
    this.name = `${home.name} and ${containers.name}`;
    this.#home = home;
    this.#containers = containers;
  }

  /** What holds for every run, whichever engine has it; the notices of both. */
  get capabilities(): Capabilities {
    const [home, containers] = [this.#home.capabilities, this.#containers.capabilities];
    return {
      ...(home.hostPaths && containers.hostPaths && { hostPaths: true }),
      isolation: home.isolation && containers.isolation,
      memoryLimit: home.memoryLimit && containers.memoryLimit,
      cpuLimit: home.cpuLimit && containers.cpuLimit,
      ...(home.layers !== undefined && { layers: home.layers }),
      notices: [...home.notices, ...containers.notices],
    };
  }

  /** A host may have containers, and nothing but plain processes besides. */
  isolates(root: RootFs["kind"]): boolean {
    return isIsolated(this.#engineOf(root), root);
  }

  showsHostPaths(root: RootFs["kind"]): boolean {
    return showsHostPaths(this.#engineOf(root), root);
  }

  start(id: RunId, spec: RunSpec): Promise<void> {
    return this.#engineOf(spec.root.kind).start(id, spec);
  }

  async observe(id: RunId): Promise<RunState> {
    const state = await this.#home.observe(id);
    return state.phase === "absent" ? this.#containers.observe(id) : state;
  }

  async list(): Promise<RunId[]> {
    const ids = (await Promise.all([this.#home.list(), this.#containers.list()])).flat();
    return [...new Set(ids)].sort();
  }

  async stop(id: RunId, graceMs: number): Promise<void> {
    await Promise.all([this.#home.stop(id, graceMs), this.#containers.stop(id, graceMs)]);
  }

  async remove(id: RunId): Promise<void> {
    await Promise.all([this.#home.remove(id), this.#containers.remove(id)]);
  }

  async usage(id: RunId): Promise<RunUsage | undefined> {
    return (await this.#home.usage?.(id)) ?? (await this.#containers.usage?.(id));
  }

  async diskUsage(id: RunId): Promise<number | undefined> {
    return (await this.#home.diskUsage?.(id)) ?? (await this.#containers.diskUsage?.(id));
  }

  watch(listener: (id: RunId) => void): () => void {
    const stops = [this.#home.watch(listener), this.#containers.watch(listener)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#home.close(), this.#containers.close()]);
  }

  #engineOf(root: RootFs["kind"]): Engine {
    return root === "image" ? this.#containers : this.#home;
  }
}
