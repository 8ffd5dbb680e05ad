import type { RunId } from "../engine.ts";
import type { InspectedContainer } from "./container-state.ts";
import type { ContainerStats } from "./container-usage.ts";
import { answeredWith, type EngineApi } from "./engine-api.ts";

/** The calls on containers, by run. Repeating any of them does no harm. */
export class Containers {
  readonly #api: EngineApi;
  readonly #directory: string;

  /** @param directory - Tells this installation's containers from those of others on the same engine. */
  constructor(api: EngineApi, directory: string) {
    this.#api = api;
    this.#directory = directory;
  }

  /** The label that marks ours. */
  get label(): Readonly<Record<string, string>> {
    return { [directoryLabel]: this.#directory };
  }

  nameOf(id: RunId): string {
    return `sagebrush-${this.#directory}-${id}`;
  }

  idOf(name: string): RunId | undefined {
    const prefix = this.nameOf("");
    return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
  }

  /** @returns undefined where there is none. */
  inspect(id: RunId): Promise<InspectedContainer | undefined> {
    return this.#unless(404, { method: "GET", path: `/containers/${this.nameOf(id)}/json` });
  }

  /** @returns undefined where there is none. */
  stats(id: RunId): Promise<ContainerStats | undefined> {
    const query = { stream: "false", "one-shot": "true" };
    return this.#unless(404, { method: "GET", path: `/containers/${this.nameOf(id)}/stats`, query });
  }

  /** What it changed of its image's files, in bytes; 0 where there is none. */
  async writtenBytes(id: RunId): Promise<number> {
    const query = { size: "true" };
    const path = `/containers/${this.nameOf(id)}/json`;
    const found = await this.#unless<{ readonly SizeRw?: number }>(404, { method: "GET", path, query });
    return found?.SizeRw ?? 0;
  }

  /** What a container has at a path, as a tar archive, before it was started too. @returns undefined where there is nothing. */
  async archive(id: RunId, path: string): Promise<AsyncIterable<Buffer> | undefined> {
    try {
      return await this.#api.stream({
        method: "GET",
        path: `/containers/${this.nameOf(id)}/archive`,
        query: { path },
      });
    } catch (error) {
      if (answeredWith(error, 404)) return undefined;
      throw error;
    }
  }

  async list(): Promise<RunId[]> {
    const filters = { label: [`${directoryLabel}=${this.#directory}`] };
    const found = await this.#api.json<readonly { readonly Names: readonly string[] }[]>({
      method: "GET",
      path: "/containers/json",
      query: { all: 1, filters },
    });
    return found.flatMap(({ Names }) =>
      Names.map((name) => this.idOf(name.replace(/^\//, ""))).filter((id) => id !== undefined),
    );
  }

  /** Creates the run's container unless there is one. */
  async create(id: RunId, body: Record<string, unknown>): Promise<void> {
    const query = { name: this.nameOf(id) };
    try {
      await this.#api.json({ method: "POST", path: "/containers/create", query, body });
    } catch (error) {
      // Podman has no code of its own for a name that is taken.
      if (!answeredWith(error, 409, 500) || (await this.inspect(id)) === undefined) throw error;
    }
  }

  async start(id: RunId): Promise<void> {
    await this.#api.json({ method: "POST", path: `/containers/${this.nameOf(id)}/start` });
  }

  /** Sends a signal to the first process; one that has ended gets none. */
  async kill(id: RunId, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    try {
      await this.#unless(404, { method: "POST", path: `/containers/${this.nameOf(id)}/kill`, query: { signal } });
    } catch (error) {
      if (!answeredWith(error, 409, 500)) throw error;
      // It is just ending: Podman says so here before it does elsewhere.
      if (/state improper|not running|no such process/i.test(error.message)) return;
      if ((await this.inspect(id))?.State.Running) throw error;
    }
  }

  /** Kills and removes it with its anonymous volumes. */
  async remove(id: RunId): Promise<void> {
    const call = { method: "DELETE", path: `/containers/${this.nameOf(id)}`, query: { force: 1, v: 1 } } as const;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#unless<undefined>(404, call);
      } catch (error) {
        // Another removal is under way, or its process is just ending.
        if (!answeredWith(error, 409, 500) || attempt === removeAttempts) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50 * attempt));
      }
    }
  }

  /** What happens to our containers, as lines of JSON. */
  events(signal: AbortSignal) {
    const filters = { label: [`${directoryLabel}=${this.#directory}`], type: ["container"] };
    return this.#api.stream({ method: "GET", path: "/events", query: { filters }, signal });
  }

  async #unless<T>(status: number, call: Parameters<EngineApi["json"]>[0]): Promise<T | undefined> {
    try {
      return await this.#api.json<T>(call);
    } catch (error) {
      if (answeredWith(error, status)) return undefined;
      throw error;
    }
  }
}

/** Whose container or network something is: a hash of the data directory's path. */
export const directoryLabel = "sagebrush.directory";
const removeAttempts = 8;
