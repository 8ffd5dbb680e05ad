import { accessSync, constants } from "node:fs";
import { type BridgeNetwork, RunRefused } from "../engine.ts";
import type { EngineFolders } from "../supervised/run-folder.ts";
import { HostNetworks } from "./host-networks.ts";
import { RootlessNetworks } from "./rootless-networks.ts";
import type { RunNetworks } from "./run-networks.ts";
import { findTools, type NetworkTools } from "./tools.ts";

/** Where slirp4netns gets its interface from; open to everybody on ordinary systems. */
const tunDevice = "/dev/net/tun";

/** Networks for runs as this host allows, and what they lack. */
export interface OpenedNetworks {
  readonly networks: RunNetworks;
  readonly notices: readonly string[];
}

/** Opens them, and removes what runs that are no more left behind. */
export async function openNetworks(folders: EngineFolders, tools = findTools()): Promise<OpenedNetworks> {
  const opened = chooseNetworks(folders, tools, process.geteuid?.() === 0);
  await opened.networks.sweep();
  return opened;
}

function chooseNetworks(folders: EngineFolders, tools: NetworkTools, isRoot: boolean): OpenedNetworks {
  const { ip, nft, iptables, slirp4netns } = tools;
  if (ip === undefined) return none("iproute2 is not installed");
  if (isRoot) {
    if (nft === undefined && iptables === undefined) return none("nftables is not installed");
    return { networks: new HostNetworks(folders, { ...tools, ip }), notices: [] };
  }
  if (nft === undefined) return none("nftables is not installed");
  const wayOut = userNetworking(slirp4netns);
  const cost = "your own code reaches this server and its job's other hosts, but not the internet";
  const notices =
    wayOut.why === undefined ? [] : [`no way out for runs (${wayOut.why}, and the server is not root): ${cost}`];
  return { networks: new RootlessNetworks(folders, { ...tools, ip, nft, slirp4netns: wayOut.program }), notices };
}

/** A network stack in user space, where it can work. @returns Why not, otherwise. */
function userNetworking(program: string | undefined): { program: string | undefined; why?: string } {
  if (program === undefined) return { program, why: "slirp4netns is not installed" };
  try {
    accessSync(tunDevice, constants.R_OK | constants.W_OK);
    return { program };
  } catch {
    return { program: undefined, why: `${tunDevice} cannot be opened` };
  }
}

function none(why: string): OpenedNetworks {
  const cost = `no networks for runs (${why}): built-in algorithms work, your own code and containers do not`;
  return { networks: new NoNetworks(why), notices: [cost] };
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

  sweep(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
