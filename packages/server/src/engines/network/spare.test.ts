import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BridgeNetwork } from "../engine.ts";
import { requirements, where } from "../requirements.ts";
import { engineFolders, shortHash } from "../supervised/run-folder.ts";
import { claimBoard } from "./claims.ts";
import { HostNetworks } from "./host-networks.ts";
import { spareName } from "./spare.ts";
import { findTools } from "./tools.ts";

/** From iproute2 and nftables. */
const [ip, nft] = ["ip", "nft"];

where("a spare network", [requirements.root, requirements.iproute2, requirements.nftables], () => {
  let root: string;
  let networks: HostNetworks;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "sagebrush-spare-"));
    networks = open();
  });
  afterEach(async () => {
    await networks.close();
    for (const id of readdirSync(folders().runs)) await networks.detach(id);
    rmSync(root, { recursive: true });
  });

  const folders = () => engineFolders(join(root, "engine"));
  const calls = () => join(root, "calls");
  /** Programs that note each of their calls. */
  const tool = (name: string, program: string | undefined): string => {
    const path = join(root, name);
    writeFileSync(path, `#!/bin/sh\necho ${name} >> ${calls()}\nexec ${program} "$@"\n`, { mode: 0o755 });
    return path;
  };
  const open = () => {
    mkdirSync(folders().runs, { recursive: true });
    const tools = findTools();
    return new HostNetworks(folders(), { ...tools, ip: tool("ip", tools.ip), nft: tool("nft", tools.nft) });
  };
  const called = () => (existsSync(calls()) ? readFileSync(calls(), "utf8").trim().split("\n").length : 0);
  const attach = (id: string, changes: Partial<BridgeNetwork> = {}) => {
    mkdirSync(join(folders().runs, id), { recursive: true });
    const network = { kind: "bridge", name: `net-${id}`, hosts: ["algo-1"], internet: true, ...changes } as const;
    return networks.attach(id, network, network.hosts[0] as string);
  };
  const spareFile = () => join(folders().root, "networks", spareName, "network.json");
  const isReady = () => existsSync(spareFile()) && readFileSync(spareFile(), "utf8").includes('"ready"');
  const left = () => {
    const prefix = `sb${shortHash(folders().root, 6)}`;
    const links = execFileSync(ip, ["-o", "link", "show"], { encoding: "utf8" });
    const names = execFileSync(ip, ["netns", "list"], { encoding: "utf8" });
    const tables = execFileSync(nft, ["list", "tables"], { encoding: "utf8" });
    const claims = readdirSync(claimBoard).filter((file) =>
      readFileSync(join(claimBoard, file), "utf8").startsWith(folders().root),
    );
    return [...`${links}${names}${tables}`.split("\n").filter((line) => line.includes(prefix)), ...claims];
  };

  test("the next run takes it without a program being run, and has a network of its own", async () => {
    const first = await attach("a");
    expect(called()).toBeGreaterThan(2);
    await expect.poll(isReady).toBe(true);
    const before = called();
    const second = await attach("b", { hosts: ["worker"] });
    expect(called()).toBe(before);
    expect(second.namespace).not.toBe(first.namespace);
    expect(second.hosts).toEqual([{ name: "worker", address: expect.stringMatching(/^10\./) }]);
    expect(second.hosts[0]?.address).not.toBe(first.hosts[0]?.address);
    expect(second.nameServers).toEqual(first.nameServers);
    const inside = execFileSync(ip, ["-n", second.namespace.split("/").at(-1) as string, "-o", "addr"], {
      encoding: "utf8",
    });
    expect(inside).toContain(`${second.hosts[0]?.address}/28`);
    expect(inside).toContain("169.254.170.2/32");
    expect(await attach("b", { hosts: ["worker"] })).toEqual(second); // a start that is repeated
    await networks.detach("a");
    await networks.detach("b");
    await networks.close();
    expect(left()).toEqual([]);
  });

  test("networks without a way out, and those of several hosts, are not made of it", async () => {
    await attach("a");
    await expect.poll(isReady).toBe(true);
    await attach("closed", { internet: false });
    await attach("pair", { hosts: ["algo-1", "algo-2"] });
    expect(isReady()).toBe(true);
  });

  test("one that lost its bridge is not used", async () => {
    await attach("a");
    await expect.poll(isReady).toBe(true);
    const { bridge } = JSON.parse(readFileSync(spareFile(), "utf8")) as { bridge: string };
    execFileSync(ip, ["link", "del", "dev", bridge]);
    const { namespace } = await attach("b");
    expect(existsSync(namespace)).toBe(true);
    await networks.detach("a");
    await networks.detach("b");
    await networks.close();
    expect(left()).toEqual([]);
  });

  test("what a server that was killed had ready goes at the next start", async () => {
    await attach("a");
    await expect.poll(isReady).toBe(true);
    const all = left().length;
    const killed = networks;
    networks = open();
    await networks.sweep();
    expect(left().length).toBeLessThanOrEqual(all - 4); // a bridge, a cable, a namespace, a claim
    expect(existsSync(spareFile())).toBe(false);
    await networks.detach("a");
    expect(left()).toEqual([]);
    await killed.close();
  });
});
