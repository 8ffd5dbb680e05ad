import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../log.ts";
import type { BridgeNetwork, Engine } from "../engine.ts";
import { openEngine } from "../open-engine.ts";
import { requirements, where } from "../requirements.ts";
import { shortHash } from "../supervised/run-folder.ts";
import { nodeSupervisor } from "../supervised/supervisor.ts";
import { inPhase, until, untilLogged, Workshop } from "../testkit/workshop.ts";
import { claimBoard } from "./claims.ts";
import { networkContract } from "./network-contract.ts";
import { findTools } from "./tools.ts";

const { bubblewrap, userNamespaces, root, nativeSupervisor, iproute2, nftables, iptables } = requirements;
/** This host's programs but for one. */
const withoutNft = { ...findTools(), nft: undefined };
const needed = [bubblewrap, userNamespaces, root, iproute2, nftables];

where("networks of sandboxes", [...needed, nativeSupervisor], () => {
  networkContract({
    name: "networks of sandboxes",
    open: (directory, platformSocket) => openEngine({ directory, kind: "sandbox", log: silentLog, platformSocket }),
  });
});

where("networks of sandboxes on hosts with iptables alone", [...needed, nativeSupervisor, iptables], () => {
  networkContract({
    name: "networks of sandboxes on hosts with iptables alone",
    open: (directory, platformSocket) =>
      openEngine({ directory, kind: "sandbox", log: silentLog, platformSocket, networkTools: withoutNft }),
  });

  test("the last network takes its chains and rules along", async () => {
    const shop = await Workshop.open();
    const engine = await openEngine({
      ...{ directory: shop.engineDirectory, kind: "sandbox", log: silentLog, networkTools: withoutNft },
    });
    try {
      const rules = () =>
        ["filter", "nat"].flatMap((table) =>
          execFileSync(withoutNft.iptables as string, ["--wait", "-t", table, "-S"], { encoding: "utf8" })
            .split("\n")
            .filter((rule) => rule.includes(`sb${shortHash(shop.engineDirectory, 6)}`)),
        );
      const network: BridgeNetwork = { kind: "bridge", name: "alone", hosts: ["algo-1"], internet: true };
      await engine.start("alone", await shop.script("alone", "setInterval(() => {}, 1000)", { network }));
      expect(rules().length).toBeGreaterThan(20);
      await engine.remove("alone");
      expect(rules()).toEqual([]);
    } finally {
      for (const id of await engine.list()) await engine.remove(id);
      await engine.close();
      await shop.close();
    }
  });
});

where("networks of sandboxes under the TypeScript supervisor", needed, () => {
  networkContract({
    name: "networks of sandboxes under the TypeScript supervisor",
    open: (directory, platformSocket) =>
      openEngine({ directory, kind: "sandbox", log: silentLog, platformSocket, supervisor: nodeSupervisor() }),
  });
});

where("networks leave nothing behind", [...needed, nativeSupervisor], () => {
  let shop: Workshop;
  let engine: Engine | undefined;
  beforeEach(async () => {
    shop = await Workshop.open();
  });
  afterEach(async () => {
    engine ??= await open();
    for (const id of await engine.list()) await engine.remove(id);
    await engine.close();
    engine = undefined;
    await shop.close();
  });

  const open = () => openEngine({ directory: shop.engineDirectory, kind: "sandbox", log: silentLog });
  const prefix = () => `sb${shortHash(shop.engineDirectory, 6)}`;
  const left = () => [...kernelObjects(prefix()), ...claims()];
  const claims = () =>
    readdirSync(claimBoard).filter((name) =>
      readFileSync(join(claimBoard, name), "utf8").startsWith(shop.engineDirectory),
    );
  const pair: BridgeNetwork = { kind: "bridge", name: "pair", hosts: ["algo-1", "algo-2"], internet: true };
  const stay = `console.log("up"); setInterval(() => {}, 1000)`;

  test("a network goes with its last run", async () => {
    engine = await open();
    for (const hostname of pair.hosts)
      await engine.start(`r-${hostname}`, await shop.script(`r-${hostname}`, stay, { network: pair, hostname }));
    const all = left();
    expect(all.length).toBeGreaterThanOrEqual(7); // a bridge, two cables, two namespaces, a table, a claim
    await engine.remove("r-algo-1");
    expect(left()).toHaveLength(all.length - 2);
    await engine.remove("r-algo-2");
    expect(left()).toEqual([]);
  });

  test("a server that was killed finds the networks of its runs again", async () => {
    const spec = await shop.script("orphan", stay, { network: pair });
    await startAndDie({ directory: shop.engineDirectory, kind: "sandbox", id: "orphan", spec });
    await untilLogged(shop, "orphan", "up");
    engine = await open();
    expect(await engine.list()).toEqual(["orphan"]);
    await engine.start("orphan", spec); // a reconciler may repeat it
    expect(await engine.observe("orphan")).toMatchObject({ phase: "running" });
    const code = `require("node:net").connect(8080, "algo-1").on("error", (e) => console.log(e.code))`;
    await engine.start("second", await shop.script("second", code, { network: pair, hostname: "algo-2" }));
    await until(engine, "second", inPhase("exited"));
    expect(await shop.logLines("second")).toEqual(["ECONNREFUSED"]); // algo-1 is there, its port is not
    for (const id of await engine.list()) await engine.remove(id);
    expect(left()).toEqual([]);
  });

  test("what belongs to runs that are no more is removed at the next start", async () => {
    await startAndDie({
      directory: shop.engineDirectory,
      kind: "sandbox",
      id: "gone",
      spec: await shop.script("gone", "", { network: pair }),
    });
    engine = await open();
    await until(engine, "gone", inPhase("exited"));
    await engine.close();
    await shop.remove(`${shop.engineDirectory}/runs/gone`);
    expect(left()).not.toEqual([]);
    engine = await open();
    expect(left()).toEqual([]);
  });

  test("a half-made network is made again", async () => {
    engine = await open();
    await engine.start("a", await shop.script("a", stay, { network: pair }));
    const [bridge = ""] = kernelObjects(`${prefix()}b`).map((line) => /sb\w+/.exec(line)?.[0]);
    await engine.remove("a");
    execFileSync(ip, ["link", "add", "name", bridge, "type", "bridge"]);
    await engine.start("b", await shop.script("b", stay, { network: pair }));
    expect(await engine.observe("b")).toMatchObject({ phase: "running" });
    await engine.remove("b");
    expect(left()).toEqual([]);
  });
});

/** From iproute2 and nftables. */
const [ip, nft] = ["ip", "nft"];
const starter = fileURLToPath(new URL("../testkit/run-starter.ts", import.meta.url));

/** A server that starts a run and is then killed with its whole process group. */
async function startAndDie(request: object): Promise<void> {
  const server = spawn(process.execPath, [starter], { detached: true, stdio: ["pipe", "pipe", "inherit"] });
  server.stdin.end(JSON.stringify(request));
  await once(server.stdout, "data");
  process.kill(-(server.pid as number), "SIGKILL");
  await once(server, "exit");
}

/** What of this engine's the kernel has. */
function kernelObjects(prefix: string): string[] {
  const links = execFileSync(ip, ["-o", "link", "show"], { encoding: "utf8" });
  const names = execFileSync(ip, ["netns", "list"], { encoding: "utf8" });
  const tables = execFileSync(nft, ["list", "tables"], { encoding: "utf8" });
  return `${links}${names}${tables}`.split("\n").filter((line) => line.includes(prefix));
}
