import { platformAddress } from "../engine.ts";
import { interfaceKinds } from "./firewall.ts";
import type { NetworkRecord } from "./network-records.ts";
import { addressKey, gatewayAddress, hostAddress, type Subnet } from "./subnets.ts";

/** The interface that carries the tunnels of an encrypted network, where `eth0` is a tunnel itself. */
export const underlayName = "under0";

/** Names of what a run's place on its network is made of. */
export interface Cable {
  /** What is the same in all of its names. */
  readonly key: string;
  /** Where the host shows the namespace. */
  readonly path: string;
  /** The network namespace. */
  readonly namespace: string;
  /** The host's end of the run's `eth0`. */
  readonly outside: string;
  readonly address: string;
}

/** Names the bridge of a network. */
export function bridgeName(prefix: string, subnet: Subnet, internet: boolean): string {
  return `${prefix}${internet ? interfaceKinds.open : interfaceKinds.closed}${addressKey(subnet.first)}`;
}

/** Names a run's cable by its place. */
export function cableOf(prefix: string, subnet: Subnet, position: number): Cable {
  const key = addressKey(subnet.first + 2 + position);
  const namespace = `${prefix}-${key}`;
  return {
    key,
    namespace,
    path: `/run/netns/${namespace}`,
    outside: `${prefix}${interfaceKinds.run}${key}`,
    address: hostAddress(subnet, position),
  };
}

/** Lines for `ip -batch` that make a bridge. A closed one has no address: nobody there can even name the host. */
export function bridgeLines({ bridge, subnet, internet }: NetworkRecord): string[] {
  return [
    `link add name ${bridge} type bridge forward_delay 0`,
    `link set dev ${bridge} addrgenmode none`,
    ...(internet ? [`addr add ${gatewayAddress(subnet)}/${subnet.prefix} dev ${bridge}`] : []),
    `link set dev ${bridge} up`,
  ];
}

/** Lines that make a namespace with an `eth0` whose other end is on the bridge. */
export function cableLines(cable: Cable, { bridge, encrypted }: NetworkRecord, mtu: number): string[] {
  const inside = encrypted ? underlayName : "eth0";
  return [
    `netns add ${cable.namespace}`,
    `link add name ${cable.outside} mtu ${mtu} type veth peer name ${inside} mtu ${mtu} netns ${cable.namespace}`,
    `link set dev ${cable.outside} master ${bridge} addrgenmode none up`,
  ];
}

/** Lines for `ip -n NAMESPACE -batch`. Without IPv6 on `eth0`, so that nothing goes where no rule looks. */
export function insideLines(cable: Cable, { subnet, internet, encrypted }: NetworkRecord): string[] {
  const inside = encrypted ? underlayName : "eth0";
  return [
    "link set dev lo up",
    ...(internet ? [`addr add ${platformAddress}/32 dev lo`] : []),
    `addr add ${cable.address}/${subnet.prefix} dev ${inside}`,
    `link set dev ${inside} addrgenmode none up`,
    ...(internet ? [`route add default via ${gatewayAddress(subnet)}`] : []),
  ];
}
