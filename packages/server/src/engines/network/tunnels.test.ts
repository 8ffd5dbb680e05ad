import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { BridgeNetwork } from "../engine.ts";
import { requirements, where } from "../requirements.ts";
import { shortHash } from "../supervised/run-folder.ts";
import { sandboxShop } from "../testkit/sandbox-shop.ts";
import { inPhase, until, untilLogged } from "../testkit/workshop.ts";
import { parseSubnet } from "./subnets.ts";
import { makeKeys, tunnelConfiguration } from "./tunnels.ts";

const { bubblewrap, userNamespaces, root, iproute2, nftables, nativeSupervisor, wireguard, tcpdump } = requirements;
/** Of the system, for tests. */
const [capture, wg, ip] = ["tcpdump", "wg", "ip"];

test("each host has every other one as a peer", () => {
  const keys = makeKeys(3);
  const text = tunnelConfiguration(keys, parseSubnet("10.208.0.16/28") ?? expect.fail(), 1);
  expect(text.split("\n")).toEqual([
    "[Interface]",
    `PrivateKey = ${keys[1]?.private}`,
    "ListenPort = 51820",
    "[Peer]",
    `PublicKey = ${keys[0]?.public}`,
    "Endpoint = 10.208.0.18:51820",
    "AllowedIPs = 10.224.0.18/32",
    "[Peer]",
    `PublicKey = ${keys[2]?.public}`,
    "Endpoint = 10.208.0.20:51820",
    "AllowedIPs = 10.224.0.20/32",
    "",
  ]);
});

const needed = [bubblewrap, userNamespaces, root, iproute2, nftables, nativeSupervisor, wireguard, tcpdump];
where("encrypted networks", needed, () => {
  const on = sandboxShop();

  const prefix = () => `sb${shortHash(on.shop.engineDirectory, 6)}`;
  const bridgeName = () =>
    /sb[0-9a-f]{6}b\w+/.exec(
      execFileSync(ip, ["-o", "link", "show", "type", "bridge"], { encoding: "utf8" })
        .split("\n")
        .find((line) => line.includes(prefix())) ?? "",
    )?.[0] ?? "";
  /** Sends a text from one host to another while the bridge is listened to. @returns What went over it. */
  const captured = async (name: string, encrypted: boolean, marker: string): Promise<Buffer> => {
    const network: BridgeNetwork = { kind: "bridge", name, hosts: ["algo-1", "algo-2"], internet: false, encrypted };
    const server = `require("node:net").createServer((s) => s.on("data", (d) => console.log("got " + d))).listen(8080, () => console.log("up")); console.log(Object.keys(require("node:os").networkInterfaces()).join())`;
    await on.engine.start(`${name}-1`, await on.shop.script(`${name}-1`, server, { network }));
    await untilLogged(on.shop, `${name}-1`, "up");
    const file = join(on.shop.root, `${name}.pcap`);
    const listener = spawn(capture, ["-i", bridgeName(), "-U", "-w", file, "-Z", "root"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    await once(listener.stderr, "data"); // it listens
    const client = `require("node:net").connect(8080, "algo-1").end(${JSON.stringify(marker.slice(0, 8))} + ${JSON.stringify(marker.slice(8))}).on("error", (e) => console.log(e.code))`;
    await on.engine.start(`${name}-2`, await on.shop.script(`${name}-2`, client, { network, hostname: "algo-2" }));
    await until(on.engine, `${name}-2`, inPhase("exited"));
    await untilLogged(on.shop, `${name}-1`, `got ${marker}`);
    await expect.poll(() => existsSync(file) && readFileSync(file).length, { timeout: 5000 }).toBeGreaterThan(300);
    listener.kill("SIGINT");
    await once(listener, "exit");
    return readFileSync(file);
  };

  test("what hosts say to each other cannot be read on the bridge; without encryption it can", async () => {
    const marker = `marker-${process.pid}-${"x".repeat(64)}`;
    expect((await captured("plain", false, marker)).includes(marker)).toBe(true);
    for (const id of await on.engine.list()) await on.engine.remove(id);
    const sealed = await captured("sealed", true, marker);
    expect(sealed.includes(marker)).toBe(false);
    expect(sealed.includes(Buffer.from([0xca, 0x6c, 0xca, 0x6c]))).toBe(true); // UDP from port 51820 to port 51820
    expect((await on.shop.logLines("sealed-1"))[0]?.split(",").sort()).toEqual(["eth0", "lo", "under0"]);
  });

  test("addresses beside the tunnel are closed, and nothing stays", async () => {
    const folder = join(on.shop.engineDirectory, "networks", "sealed");
    const keys = readFileSync(join(folder, "keys.json"), "utf8");
    expect(keys).not.toBe("");
    const { subnet } = JSON.parse(readFileSync(join(folder, "network.json"), "utf8")) as { subnet: { first: number } };
    const beside = [24, 16, 8, 0].map((bits) => Math.floor((subnet.first + 2) / 2 ** bits) % 256).join(".");
    await on.engine.remove("sealed-2");
    const code = `require("node:net").connect({ port: 8080, host: "${beside}", timeout: 700 }).on("connect", () => console.log("reached")).on("timeout", function () { console.log("closed"); this.destroy() }).on("error", (e) => console.log(e.code))`;
    const network: BridgeNetwork = {
      ...{ kind: "bridge", name: "sealed", hosts: ["algo-1", "algo-2"], internet: false, encrypted: true },
    };
    await on.engine.start("sealed-2", await on.shop.script("sealed-2", code, { network, hostname: "algo-2" }));
    await until(on.engine, "sealed-2", inPhase("exited"));
    expect((await on.shop.logLines("sealed-2")).at(-1)).toMatch(/^(closed|EPERM)$/);
    for (const id of await on.engine.list()) await on.engine.remove(id);
    expect(existsSync(folder)).toBe(false);
    const sockets = "/var/run/wireguard";
    const left = () => (existsSync(sockets) ? readdirSync(sockets).filter((name) => name.startsWith(prefix())) : []);
    await expect.poll(left, { timeout: 5000 }).toEqual([]);
  });
});

test("keys are as WireGuard's own tools make them", () => {
  const [pair] = makeKeys(1);
  if (!wireguard.met || pair === undefined) return;
  expect(execFileSync(wg, ["pubkey"], { input: pair.private, encoding: "utf8" }).trim()).toBe(pair.public);
});
