import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { isAlive } from "../../process-identity.ts";
import { type BridgeNetwork, EngineUnavailable, type RunId, RunRefused } from "../engine.ts";
import type { EngineFolders } from "../supervised/run-folder.ts";
import { checkNetwork, sameHosts } from "./check-network.ts";
import { allowInside, nftRules } from "./firewall.ts";
import { type Holder, startHolder } from "./holder.ts";
import { type NetworkRecord, NetworkRecords } from "./network-records.ts";
import { bridgeLines, bridgeName, type Cable, cableLines, cableOf, insideLines } from "./plumbing.ts";
import { findResolver } from "./resolver.ts";
import type { Attachment, RunNetworks } from "./run-networks.ts";
import { candidates, hostAddress } from "./subnets.ts";
import { type NetworkTools, runTool } from "./tools.ts";
import { Turns } from "./turns.ts";

/** Every network has a network stack of its own here, so that all of them may be called the same. */
const prefix = "sb";
const ethernetMtu = 1500;

/**
 * Networks for servers that are not root: each one in a user namespace that a waiting process holds open, with a bridge,
 * runs' namespaces and rules like those of a host, and a way out through a network stack in user space.
 */
export class RootlessNetworks implements RunNetworks {
  readonly #tools: NetworkTools & { readonly ip: string; readonly nft: string };
  readonly #runs: string;
  readonly #root: string;
  readonly #records: NetworkRecords;
  readonly #turns = new Turns();

  constructor(folders: EngineFolders, tools: NetworkTools & { readonly ip: string; readonly nft: string }) {
    this.#tools = tools;
    this.#runs = folders.runs;
    this.#root = join(folders.root, "networks");
    this.#records = new NetworkRecords(this.#root);
  }

  attach(id: RunId, network: BridgeNetwork, hostname: string): Promise<Attachment> {
    const position = checkNetwork(network, hostname);
    if (network.encrypted) {
      const why = "Traffic between hosts cannot be encrypted here: the server is not root";
      return Promise.reject(new RunRefused(why));
    }
    return this.#turns.take(() => this.#attach(id, network, position));
  }

  detach(id: RunId): Promise<void> {
    return this.#turns.take(async () => {
      const name = await readFile(join(this.#runs, id, "network"), "utf8").catch(() => undefined); // none: no network
      if (name === undefined) return;
      await this.#leave(name, id);
    });
  }

  close(): Promise<void> {
    return Promise.resolve(); // nothing is kept ready here
  }

  sweep(): Promise<void> {
    return this.#turns.take(async () => {
      for (const name of await this.#records.names()) {
        const places = await this.#records.places(name);
        for (const { id } of places) if (!existsSync(join(this.#runs, id))) await this.#leave(name, id);
        if (places.length === 0) await this.#remove(name);
      }
    });
  }

  async #attach(id: RunId, network: BridgeNetwork, position: number): Promise<Attachment> {
    const { name, hosts, internet } = network;
    const places = await this.#records.places(name);
    const other = places.find((place) => place.position === position && place.id !== id);
    if (other !== undefined) throw new EngineUnavailable(`${hosts[position]} of network ${name} is still ${other.id}`);
    await writeFile(join(this.#runs, id, "network"), name, { mode: 0o600 });
    const before = places.find((place) => place.id === id)?.ready;
    await this.#records.setPlace(name, { id, position, ready: before });
    const record = await this.#ensure(network);
    sameHosts(name, record, network);
    const holder = await this.#holder(name);
    const cable = cableOf(prefix, record.subnet, position);
    const mark = String(holder.process.pid);
    if (before !== mark) {
      await this.#plugIn(holder, record, cable);
      await this.#records.setPlace(name, { id, position, ready: mark });
    }
    return {
      namespace: `/proc/${holder.process.pid}/root/run/netns/${cable.namespace}`,
      owner: `/proc/${holder.process.pid}/ns/user`,
      hosts: hosts.map((host, index) => ({ name: host, address: hostAddress(record.subnet, index) })),
      nameServers: internet ? holder.nameServers : [],
    };
  }

  /** A network whose holder has died is made again; runs that were on it go on alone. */
  async #ensure(network: BridgeNetwork): Promise<NetworkRecord> {
    const { name, hosts, internet } = network;
    const before = await this.#records.read(name);
    if (before?.ready !== undefined && isAlive((await this.#holder(name)).process)) return before;
    await this.#endHolder(name);
    const [subnet] = candidates(hosts.length, "") as Iterable<NetworkRecord["subnet"]>;
    if (subnet === undefined) throw new Error("There is always a first block of addresses");
    const record = { subnet, bridge: bridgeName(prefix, subnet, internet), hosts, internet };
    await this.#records.write(name, record);
    await mkdir(join(this.#root, name), { recursive: true });
    const holder = await startHolder(this.#tools, internet ? await findResolver() : undefined, (started) =>
      writeFile(join(this.#root, name, "holder.json"), JSON.stringify(started), { mode: 0o600 }),
    );
    const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const rules = nftRules({
      prefix,
      resolvers: holder.nameServers,
      alsoClosed: own.filter(({ family }) => family === "IPv4").map(({ address }) => address),
    });
    await runTool([...holder.enter, this.#tools.nft, "-f", "-"], rules + allowInside(prefix, record.bridge));
    await runTool([...holder.enter, this.#tools.ip, "-batch", "-"], `${bridgeLines(record).join("\n")}\n`);
    await this.#records.write(name, { ...record, ready: String(holder.process.pid) });
    return record;
  }

  async #plugIn(holder: Holder, record: NetworkRecord, cable: Cable): Promise<void> {
    const { ip } = this.#tools;
    const old = [`link del dev ${cable.outside}`, `netns del ${cable.namespace}`];
    const run = (lines: readonly string[], ...options: string[]) =>
      runTool([...holder.enter, ip, ...options, "-batch", "-"], `${lines.join("\n")}\n`);
    await run(old, "-force").catch(() => undefined); // mostly there is nothing
    await run(cableLines(cable, record, ethernetMtu));
    await run(insideLines(cable, record), "-n", cable.namespace);
  }

  async #leave(name: string, id: RunId): Promise<void> {
    const place = (await this.#records.places(name)).find((each) => each.id === id);
    const record = await this.#records.read(name);
    await this.#records.removePlace(name, id);
    if ((await this.#records.places(name)).length === 0) return this.#remove(name);
    const holder = await this.#holder(name).catch(() => undefined); // never begun
    if (place === undefined || record === undefined || holder === undefined || !isAlive(holder.process)) return;
    const cable = cableOf(prefix, record.subnet, place.position);
    const lines = `link del dev ${cable.outside}\nnetns del ${cable.namespace}\n`;
    await runTool([...holder.enter, this.#tools.ip, "-force", "-batch", "-"], lines).catch(() => undefined); // half-made
  }

  async #remove(name: string): Promise<void> {
    await this.#endHolder(name);
    await this.#records.remove(name);
  }

  async #endHolder(name: string): Promise<void> {
    const holder = await this.#holder(name).catch(() => undefined); // never begun
    if (holder === undefined) return;
    for (const each of [holder.process, ...(holder.wayOut === undefined ? [] : [holder.wayOut])]) {
      if (isAlive(each)) process.kill(each.pid, "SIGKILL");
    }
  }

  async #holder(name: string): Promise<Holder> {
    return JSON.parse(await readFile(join(this.#root, name, "holder.json"), "utf8")) as Holder;
  }
}
