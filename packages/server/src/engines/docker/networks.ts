import type { BridgeNetwork } from "../engine.ts";
import { checkNetwork } from "../network/check-network.ts";
import { candidates, hostAddress, parseSubnet, type Subnet, subnetText } from "../network/subnets.ts";
import { answeredWith, type EngineApi } from "./engine-api.ts";

/** Where a run is in its network, and where its peers are. */
export interface NetworkPlace {
  /** The network's name in the engine, or `ns:` and the path of a namespace that is there already. */
  readonly name: string;
  /** What the engine has to give it; undefined where the namespace has it. */
  readonly address?: string;
  /** What to ask for names instead of what the engine would. */
  readonly nameServers?: readonly string[];
  /** `algo-1:10.208.0.2`, one for each host. */
  readonly hosts: readonly string[];
}

/** What `GET /networks/NAME` says, as far as we read it. */
interface InspectedNetwork {
  readonly Name: string;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string }[] | null };
}

/** Blocks that are tried before a network is given up: another engine's networks may have one. */
const maxBlocks = 32;

/**
 * The networks that the runs of one job share, made when the first run needs one and removed with the last. Every host
 * has the address of its position, so all names resolve before their hosts run.
 */
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

  /** The name of a network in the engine, which several servers may share. */
  nameOf({ name }: BridgeNetwork): string {
    return `sagebrush-${this.#directory}-${name}`;
  }

  /** Makes the network unless it is there. @throws Error for a network that cannot be. */
  async ensure(network: BridgeNetwork, hostname: string): Promise<NetworkPlace> {
    const position = checkNetwork(network, hostname);
    const name = this.nameOf(network);
    const subnet = (await this.#subnetOf(name)) ?? (await this.#create(name, network));
    return {
      name,
      address: hostAddress(subnet, position),
      hosts: network.hosts.map((host, index) => `${host}:${hostAddress(subnet, index)}`),
    };
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
    const found = await this.#api.json<readonly InspectedNetwork[]>({
      method: "GET",
      path: "/networks",
      query: { filters },
    });
    for (const { Name } of found) await this.release(Name);
  }

  async #create(name: string, { hosts, internet }: BridgeNetwork): Promise<Subnet> {
    let tried = 0;
    for (const subnet of candidates(hosts.length, name)) {
      const body = {
        Name: name,
        Driver: "bridge",
        CheckDuplicate: true,
        // No way out: runs reach each other and nothing else.
        Internal: !internet,
        IPAM: { Config: [{ Subnet: subnetText(subnet) }] },
        Labels: { [this.#label]: this.#directory },
      };
      try {
        await this.#api.json({ method: "POST", path: "/networks/create", body });
        return subnet;
      } catch (error) {
        if (!answeredWith(error, 400, 403, 409, 500)) throw error;
        // Another run of the job was quicker. Podman has no code of its own for that.
        const there = await this.#subnetOf(name);
        if (there) return there;
        const isTaken = /overlap|subnet|pool|already|conflict|used/i.test(error.message);
        if (!isTaken || ++tried === maxBlocks) throw error;
      }
    }
    throw new Error(`No block of addresses is free for the network ${name}`);
  }

  async #subnetOf(name: string): Promise<Subnet | undefined> {
    try {
      const found = await this.#api.json<InspectedNetwork>({
        method: "GET",
        path: `/networks/${encodeURIComponent(name)}`,
      });
      const text = found.IPAM?.Config?.[0]?.Subnet;
      const subnet = text === undefined ? undefined : parseSubnet(text);
      if (!subnet) throw new Error(`The network ${name} has no block of addresses`);
      return subnet;
    } catch (error) {
      if (answeredWith(error, 404)) return undefined;
      throw error;
    }
  }
}
