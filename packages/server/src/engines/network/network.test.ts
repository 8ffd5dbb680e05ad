import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { usedSubnets } from "./claims.ts";
import { iptablesRules, nftRules } from "./firewall.ts";
import { findResolver, parseServers } from "./resolver.ts";
import { addressKey, candidates, gatewayAddress, hostAddress, overlaps, parseSubnet, subnetText } from "./subnets.ts";

const subnet = (text: string) => parseSubnet(text) ?? expect.fail(text);

test.each([
  [1, "10.208.0.0/14", 28],
  [13, "10.208.0.0/14", 28],
  [14, "10.212.0.0/14", 24],
  [253, "10.212.0.0/14", 24],
  [254, "10.216.0.0/14", 20],
])("a network of %i hosts lies in %s with a prefix of %i", (hosts, pool, prefix) => {
  const all = [...candidates(hosts, "seed")];
  expect(new Set(all.map(subnetText)).size).toBe(all.length);
  for (const each of all) {
    expect(each.prefix).toBe(prefix);
    expect(overlaps(each, subnet(pool))).toBe(true);
  }
});

test("networks of too many hosts are refused", () => {
  expect(() => [...candidates(5000, "seed")]).toThrow(/5000/);
});

test("addresses count from the block's first", () => {
  const block = subnet("10.208.255.240/28");
  expect([gatewayAddress(block), hostAddress(block, 0), hostAddress(block, 12)]).toEqual([
    "10.208.255.241",
    "10.208.255.242",
    "10.208.255.254",
  ]);
  expect(addressKey(block.first)).toBe("0fff0");
  expect(addressKey(subnet("10.219.255.255").first)).toBe("bffff");
});

test.each([
  ["10.208.0.0/28", "10.208.0.0/12", true],
  ["10.208.0.0/28", "10.208.0.15", true],
  ["10.208.0.0/28", "10.208.0.16/28", false],
  ["10.208.0.0/28", "10.200.0.0/13", false],
])("%s and %s overlap: %s", (a, b, expected) => {
  expect(overlaps(subnet(a), subnet(b))).toBe(expected);
  expect(overlaps(subnet(b), subnet(a))).toBe(expected);
});

test("routes tell which blocks are used", () => {
  const routes = `default via 192.0.2.1 dev eth0
0.0.0.0/1 dev tun0
10.0.0.0/8 dev tun0
10.209.4.0/24 dev docker0 proto kernel scope link src 10.209.4.1
local 10.209.4.1 dev docker0 table local proto kernel scope host src 10.209.4.1
broadcast 10.209.4.255 dev docker0 table local
unreachable 10.210.0.0/16
fd00::/64 dev eth0`;
  expect(usedSubnets(routes).map(subnetText)).toEqual([
    "10.209.4.0/24",
    "10.209.4.1/32",
    "10.209.4.255/32",
    "10.210.0.0/16",
  ]);
});

test("name servers are read as the C library reads them", () => {
  const text =
    "# nameserver 1.1.1.1\nnameserver 10.0.0.53\n  nameserver\t127.0.0.53 # stub\nnameserver fd00::1\nsearch a.b\n";
  expect(parseServers(text)).toEqual(["10.0.0.53", "127.0.0.53"]);
});

test("interface names fit into the kernel's 15 characters", () => {
  const names = nftRules({ prefix: "sb123456", resolvers: [] }).match(/sb123456b?[oc]?/g) ?? [];
  for (const name of names) expect(`${name}01234`.length).toBeLessThanOrEqual(15);
});

test("what iptables adds it also removes", () => {
  const { add, remove } = iptablesRules({
    prefix: "sb123456",
    resolvers: ["10.0.0.53"],
    loopbackResolver: "127.0.0.1",
  });
  const jumps = add.filter((rule) => rule.startsWith("-I "));
  expect(remove.filter((rule) => rule.startsWith("-D ")).map((rule) => rule.replace("-D", "-I"))).toEqual(jumps);
  for (const made of add.filter((rule) => / ?-N /.test(rule))) expect(remove).toContain(made.replace("-N", "-X"));
});

test("where the host asks a stub on its loopback, the servers behind it are taken", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sagebrush-resolver-"));
  const [stub, real] = [join(folder, "stub"), join(folder, "real")];
  await writeFile(stub, "nameserver 127.0.0.53\noptions edns0\n");
  await writeFile(real, "nameserver 192.0.2.53\nnameserver 192.0.2.54\n");
  expect(await findResolver([stub, real])).toEqual({ servers: ["192.0.2.53", "192.0.2.54"] });
  expect(await findResolver([stub, join(folder, "none")])).toEqual({ servers: [], loopback: "127.0.0.53" });
  expect(await findResolver([join(folder, "none")])).toEqual({ servers: [] });
  await rm(folder, { recursive: true });
});
