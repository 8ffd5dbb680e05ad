import type { Network } from "../engine.ts";
import { answeredWith, type EngineApi } from "./engine-api.ts";

/** The networks that the runs of one job share, made when the first run needs one and removed with the last. */
export class RunNetworks {
  readonly #api: EngineApi;
  readonly #label: string;
  readonly #directory: string;

  /** @param label - Marks what is ours, with the value `directory`. */
  constructor(api: EngineApi, label: string, directory: string) {
    this.#api = api;
    this.#label = label;
    this.#directory = directory;
  }

  /** The name of a network in the engine, which several servers may share; undefined for none. */
  nameOf(network: Network): string | undefined {
    return network.kind === "bridge" ? `sagebrush-${this.#directory}-${network.name}` : undefined;
  }

  /** Makes the network unless it is there. */
  async ensure(network: Network): Promise<void> {
    const name = this.nameOf(network);
    if (name === undefined || network.kind !== "bridge" || (await this.#isThere(name))) return;
    const body = {
      Name: name,
      Driver: "bridge",
      CheckDuplicate: true,
      // No way out: runs reach each other and nothing else.
      Internal: !network.internet,
      Labels: { [this.#label]: this.#directory },
    };
    try {
      await this.#api.json({ method: "POST", path: "/networks/create", body });
    } catch (error) {
      // Another run of the job was quicker. Podman has no code of its own for that.
      if (!answeredWith(error, 409, 500) || !(await this.#isThere(name))) throw error;
    }
  }

  /** Removes a network that no container uses; one in use stays. */
  async release(name: string): Promise<void> {
    try {
      await this.#api.json({ method: "DELETE", path: `/networks/${encodeURIComponent(name)}` });
    } catch (error) {
      const inUse = answeredWith(error, 403, 409, 500) && /in use|being used|active endpoints/i.test(error.message);
      if (!inUse && !answeredWith(error, 404)) throw error;
    }
  }

  /** Removes what runs left that are no more. */
  async collect(): Promise<void> {
    const filters = { label: [`${this.#label}=${this.#directory}`] };
    const found = await this.#api.json<readonly { readonly Name: string }[]>({
      method: "GET",
      path: "/networks",
      query: { filters },
    });
    for (const { Name } of found) await this.release(Name);
  }

  async #isThere(name: string): Promise<boolean> {
    try {
      await this.#api.json({ method: "GET", path: `/networks/${encodeURIComponent(name)}` });
      return true;
    } catch (error) {
      if (answeredWith(error, 404)) return false;
      throw error;
    }
  }
}
