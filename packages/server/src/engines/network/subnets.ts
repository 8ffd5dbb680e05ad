import { createHash } from "node:crypto";

/** The range that all networks lie in. */
export const networkRange = "10.208.0.0/12";

/**
 * Networks are cut out of 10.208.0.0/12, a corner of the private ranges that hosts seldom use. Each size has a part of
 * its own, so that blocks either are the same or do not overlap.
 */
const pools = [
  { first: parseAddress("10.208.0.0"), prefix: 28, hosts: 13, blocks: 16_384 },
  { first: parseAddress("10.212.0.0"), prefix: 24, hosts: 253, blocks: 1024 },
  { first: parseAddress("10.216.0.0"), prefix: 20, hosts: 4093, blocks: 64 },
] as const;

/** Most hosts that one network can have. */
export const maxHosts = pools[2].hosts;

/** A block of addresses: its first address and the number of leading bits that are fixed. */
export interface Subnet {
  readonly first: number;
  readonly prefix: number;
}

/** Every block that could hold so many hosts, in an order that differs from one `seed` to the next. */
export function* candidates(hosts: number, seed: string): Generator<Subnet> {
  const pool = pools.find((each) => hosts <= each.hosts);
  if (pool === undefined) throw new Error(`A network cannot have more than ${maxHosts} hosts, got ${hosts}`);
  const start = createHash("sha256").update(seed).digest().readUInt32BE(0);
  for (let n = 0; n < pool.blocks; n++) {
    yield { first: pool.first + ((start + n) % pool.blocks) * 2 ** (32 - pool.prefix), prefix: pool.prefix };
  }
}

/** Whether two blocks have an address in common. */
export function overlaps(a: Subnet, b: Subnet): boolean {
  const size = 2 ** (32 - Math.min(a.prefix, b.prefix));
  return Math.floor(a.first / size) === Math.floor(b.first / size);
}

/** `10.0.0.0/28` as people write it. */
export function subnetText({ first, prefix }: Subnet): string {
  return `${addressText(first)}/${prefix}`;
}

/** Reads `10.0.0.0/28` or a lone address. @returns Undefined for what is neither, such as IPv6. */
export function parseSubnet(text: string): Subnet | undefined {
  const match = /^(\d+(?:\.\d+){0,3})(?:\/(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const bytes = (match[1] ?? "").split(".");
  while (bytes.length < 4) bytes.push("0"); // `ip route` shortens nothing today, but once did
  return { first: parseAddress(bytes.join(".")), prefix: Number(match[2] ?? 32) };
}

/** The bridge's own address, which is its runs' way out. */
export function gatewayAddress(subnet: Subnet): string {
  return addressText(subnet.first + 1);
}

/** The address of the network's n-th host, counted from 0. */
export function hostAddress(subnet: Subnet, position: number): string {
  return addressText(subnet.first + 2 + position);
}

function parseAddress(text: string): number {
  return text.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

function addressText(address: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join(".");
}

/** A short text that only this address of the range has: five hexadecimal digits. */
export function addressKey(address: number): string {
  return (address - pools[0].first).toString(16).padStart(5, "0");
}
