import { BlockList, isIP, isIPv4 } from "node:net";
import { ConfigurationError } from "./configuration-error.ts";

/** Which addresses subscribers may have. */
export interface NetworkPolicy {
  /** @param address - An IP address. */
  allows(address: string): boolean;
}

/** Ranges by who is meant with them. */
const groups = {
  loopback: ["127.0.0.0/8", "::1/128"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"],
} as const;

/**
 * What is neither: link-local addresses (those of cloud metadata services among them), this network, documentation,
 * benchmarks, multicast, reserved ones, and ways to write IPv4 addresses as IPv6. Only a range that is named lets them in.
 */
const never = [
  ...["0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24"],
  ...["203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
  ...[
    "::/128",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001:db8::/32",
    "2002::/16",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
  ],
];

/** What may stand in `--sns-network` besides ranges of addresses. */
const words = ["loopback", "private", "public"] as const;

/**
 * Reads the setting.
 * @param allowed - Words and ranges such as `10.1.0.0/16`.
 * @throws ConfigurationError that names what is neither.
 */
export function networkPolicy(allowed: readonly string[]): NetworkPolicy {
  const named = new BlockList();
  for (const each of allowed) if (!isWord(each)) addRange(named, each);
  const has = (word: (typeof words)[number]) => allowed.includes(word);
  return {
    allows(given) {
      const address = unmapped(given);
      if (contains(named, address)) return true;
      if (contains(lists.never, address)) return false;
      if (contains(lists.loopback, address)) return has("loopback");
      if (contains(lists.private, address)) return has("private");
      return has("public");
    },
  };
}

/** Why an address is not posted to, and what to do. */
export function forbiddenAddress(address: string): string {
  return `${address} is an address that this server does not send to; whoever runs it may allow it with --sns-network`;
}

const lists = { loopback: listOf(groups.loopback), private: listOf(groups.private), never: listOf(never) };

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) addRange(list, range);
  return list;
}

function isWord(text: string): boolean {
  return words.some((word) => word === text);
}

function addRange(list: BlockList, range: string): void {
  const [address = "", bits] = range.split("/");
  const kind = isIP(address);
  const most = kind === 4 ? 32 : 128;
  const length = bits === undefined ? most : Number(bits);
  if (kind === 0 || (bits !== undefined && !/^\d{1,3}$/u.test(bits)) || length > most) {
    throw new ConfigurationError(
      `--sns-network must be ${words.join(", ")} or a range of addresses such as 10.1.0.0/16, not "${range}".`,
    );
  }
  list.addSubnet(address, length, kind === 4 ? "ipv4" : "ipv6");
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

/** `::ffff:10.0.0.1` is 10.0.0.1 to every socket. */
function unmapped(address: string): string {
  const dotted = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/iu.exec(address)?.[1];
  if (dotted !== undefined) return dotted;
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/iu.exec(address);
  if (hex === null) return address;
  const [high, low] = [Number.parseInt(hex[1] as string, 16), Number.parseInt(hex[2] as string, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
