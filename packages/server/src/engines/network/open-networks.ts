import { type BridgeNetwork, RunRefused } from "../engine.ts";
import type { EngineFolders } from "../supervised/run-folder.ts";
import { HostNetworks } from "./host-networks.ts";
import type { RunNetworks } from "./run-networks.ts";
import { findTools } from "./tools.ts";

/** Networks for runs as this host allows, and what they lack. */
export async function openNetworks(folders: EngineFolders): Promise<{ networks: RunNetworks; notices: string[] }> {
  const { ip, ...tools } = findTools();
  const missing = [
    ...(ip === undefined ? ["iproute2 is not installed"] : []),
    ...(tools.nft === undefined && tools.iptables === undefined ? ["nftables is not installed"] : []),
    ...(process.geteuid?.() === 0 ? [] : ["the server is not root"]),
  ];
  if (missing.length > 0 || ip === undefined) {
    const why = missing.join(", ");
    return {
      networks: new NoNetworks(why),
      notices: [`no networks for runs (${why}): built-in algorithms work, your own code and containers do not`],
    };
  }
  const networks = new HostNetworks(folders, { ip, ...tools });
  await networks.sweep();
  return { networks, notices: [] };
}

class NoNetworks implements RunNetworks {
  readonly #why: string;

  constructor(why: string) {
    this.#why = why;
  }

  attach(_id: string, network: BridgeNetwork): Promise<never> {
    return Promise.reject(
      new RunRefused(`There is no network for ${network.hosts.join(", ")}: ${this.#why}. sagebrush doctor says more.`),
    );
  }

  detach(): Promise<void> {
    return Promise.resolve();
  }
}
