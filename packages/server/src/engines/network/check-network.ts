import { type BridgeNetwork, RunRefused } from "../engine.ts";
import { maxHosts } from "./subnets.ts";

const nameForm = /^[a-z0-9-]{1,63}$/;
/** These become lines of /etc/hosts. */
const hostForm = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/;

/** @returns The position of `hostname` among the network's hosts. @throws Error for a network that cannot be. */
export function checkNetwork(network: BridgeNetwork, hostname: string): number {
  const { name, hosts } = network;
  if (!nameForm.test(name)) throw new Error(`A network's name must match ${nameForm}, got ${JSON.stringify(name)}`);
  const bad = hosts.find((host) => !hostForm.test(host) || host === "localhost");
  if (bad !== undefined) throw new Error(`${JSON.stringify(bad)} cannot be the name of a host`);
  if (hosts.length > maxHosts) throw new RunRefused(`A job can have ${maxHosts} hosts here, not ${hosts.length}`);
  const position = hosts.indexOf(hostname);
  if (position < 0) throw new Error(`${hostname} is none of the hosts of network ${name}: ${hosts.join(", ")}`);
  return position;
}

/** @throws Error when a network that is there was made for other hosts than are asked for now. */
export function sameHosts(
  name: string,
  there: Pick<BridgeNetwork, "hosts" | "internet" | "encrypted">,
  asked: BridgeNetwork,
): void {
  if (there.hosts.join() !== asked.hosts.join() || differ(there, asked))
    throw new Error(`Network ${name} was made for other hosts: ${there.hosts.join(", ")}`);
}

type Kind = Pick<BridgeNetwork, "internet" | "encrypted">;

function differ(a: Kind, b: Kind): boolean {
  return a.internet !== b.internet || (a.encrypted ?? false) !== (b.encrypted ?? false);
}
