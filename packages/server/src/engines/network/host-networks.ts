import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bootId } from "../../process-identity.ts";
import { type BridgeNetwork, EngineUnavailable, type RunId } from "../engine.ts";
import { type EngineFolders, shortHash } from "../supervised/run-folder.ts";
import { checkNetwork, sameHosts } from "./check-network.ts";
import { claimSubnet, passSubnet, releaseSubnet } from "./claims.ts";
import { everyones } from "./firewall.ts";
import { type NetworkRecord, NetworkRecords, type Place } from "./network-records.ts";
import { PacketFilter } from "./packet-filter.ts";
import { bridgeLines, bridgeName, type Cable, cableLines, cableOf, insideLines } from "./plumbing.ts";
import { findResolver } from "./resolver.ts";
import type { Attachment, RunNetworks } from "./run-networks.ts";
import { isLikeSpare, Spare, spareName, spareNetwork, sparePlace } from "./spare.ts";
import { gatewayAddress, hostAddress } from "./subnets.ts";
import { type NetworkTools, runTool } from "./tools.ts";
import { overlay, Tunnels, writeKeys } from "./tunnels.ts";
import { Turns } from "./turns.ts";
import { type Uplinks, uplinks } from "./uplinks.ts";

/**
 * Networks in the host's own network stack, for servers that are root: a bridge and a block of addresses for each, a
 * named namespace for every run, and one table of packet filter rules for all.
 */
export class HostNetworks implements RunNetworks {
  readonly #ip: string;
  readonly #runs: string;
  readonly #root: string;
  readonly #records: NetworkRecords;
  readonly #prefix: string;
  readonly #filter: PacketFilter;
  readonly #tunnels: Tunnels;
  readonly #turns = new Turns();
  readonly #spare: Spare;

  constructor(folders: EngineFolders, tools: NetworkTools & { readonly ip: string }) {
    this.#ip = tools.ip;
    this.#runs = folders.runs;
    this.#root = join(folders.root, "networks");
    this.#records = new NetworkRecords(this.#root);
    // Several servers may share a host, so the directory is part of every name.
    this.#prefix = `${everyones}${shortHash(folders.root, 6)}`;
    this.#filter = new PacketFilter(this.#prefix, tools);
    this.#tunnels = new Tunnels(this.#prefix, tools);
    this.#spare = new Spare({
      make: () => this.#turns.take(() => this.#makeSpare()),
      drop: () => this.#turns.take(() => this.#dropSpare()),
    });
  }

  attach(id: RunId, network: BridgeNetwork, hostname: string): Promise<Attachment> {
    const position = checkNetwork(network, hostname);
    if (isLikeSpare(network)) this.#spare.wanted();
    return this.#turns.take(() => this.#attach(id, network, position));
  }

  detach(id: RunId): Promise<void> {
    return this.#turns.take(() => this.#detach(id));
  }

  close(): Promise<void> {
    return this.#spare.close();
  }

  sweep(): Promise<void> {
    return this.#turns.take(async () => {
      for (const name of await this.#records.names()) {
        if (name === spareName) await this.#dropSpare();
        for (const place of await this.#records.places(name)) {
          if (!existsSync(join(this.#runs, place.id))) await this.#unplug(name, place);
        }
        await this.#removeIfEmpty(name);
      }
    });
  }

  async #attach(id: RunId, network: BridgeNetwork, position: number): Promise<Attachment> {
    const { name, hosts } = network;
    if (network.encrypted) await this.#tunnels.check();
    const boot = bootId();
    const places = await this.#records.places(name);
    const other = places.find((place) => place.position === position && place.id !== id);
    if (other !== undefined) throw new EngineUnavailable(`${hosts[position]} of network ${name} is still ${other.id}`);
    await writeFile(join(this.#runs, id, "network"), name, { mode: 0o600 });
    const isAdopted = isLikeSpare(network) && (await this.#adoptSpare(id, network));
    const isPlugged = isAdopted || places.find((place) => place.id === id)?.ready === boot;
    await this.#records.setPlace(name, { id, position, ready: isPlugged ? boot : undefined });
    const resolver = await findResolver();
    await this.#filter.ensure(resolver, () => this.#sharedBridges());
    const before = await this.#records.read(name);
    const there = before?.ready === boot && hasInterface(before.bridge);
    const record = there ? before : await this.#claim(network, before);
    sameHosts(name, record, network);
    const cable = cableOf(this.#prefix, record.subnet, position);
    if (!isPlugged) {
      const { mtu } = await this.#plugIn(record, cable, record.ready !== boot);
      const folder = join(this.#root, name);
      if (record.encrypted) await this.#tunnels.plugIn(folder, record, cable, position, mtu);
      if (record.ready !== boot) await this.#records.write(name, { ...record, ready: boot });
      await this.#records.setPlace(name, { id, position, ready: boot });
    }
    const stub = network.internet && resolver.loopback !== undefined ? [gatewayAddress(record.subnet)] : [];
    const seen = record.encrypted ? overlay(record.subnet) : record.subnet;
    return {
      namespace: cable.path,
      hosts: hosts.map((host, index) => ({ name: host, address: hostAddress(seen, index) })),
      nameServers: network.internet ? [...resolver.servers, ...stub] : [],
    };
  }

  async #claim(network: BridgeNetwork, before: NetworkRecord | undefined): Promise<NetworkRecord> {
    const { name, hosts, internet, encrypted = false } = network;
    if (before !== undefined) await this.#removeBridge(name, before); // half-made, or of an earlier boot
    const owner = join(this.#root, name);
    const subnet = await claimSubnet({ ip: this.#ip, hosts: hosts.length, seed: owner, owner });
    const bridge = bridgeName(this.#prefix, subnet, internet);
    const record = { subnet, bridge, hosts, internet, encrypted };
    if (encrypted) await writeKeys(owner, hosts.length);
    await this.#records.write(name, record);
    return record;
  }

  async #plugIn(record: NetworkRecord, cable: Cable, newBridge: boolean): Promise<Uplinks> {
    const { bridge, internet } = record;
    // Left by a server that was killed in between.
    const old = [...this.#cableLeftovers(cable), ...(newBridge ? bridgeLeftovers(bridge) : [])];
    await this.#ipLines(old, ["-force"]);
    const ways = await uplinks();
    const lines = [...(newBridge ? bridgeLines(record) : []), ...cableLines(cable, record, ways.mtu)];
    await this.#ipLines(lines);
    await this.#ipLines(insideLines(cable, record), ["-n", cable.namespace]);
    if (!newBridge) return ways;
    await writeSetting("ipv6", bridge, "disable_ipv6", "1").catch(() => undefined); // a kernel without IPv6
    if (internet) {
      await writeSetting("ipv4", bridge, "forwarding", "1");
      await writeSetting("ipv4", bridge, "route_localnet", "1"); // for a resolver on the host's loopback
      for (const name of ways.names) await writeSetting("ipv4", name, "forwarding", "1");
    }
    if (record.hosts.length > 1) await this.#filter.allowInside(bridge);
    return ways;
  }

  /** @returns How this host's ways out were, on which the network depends. */
  async #makeSpare(): Promise<string> {
    const boot = bootId();
    await this.#filter.ensure(await findResolver(), () => this.#sharedBridges());
    const record = await this.#claim(spareNetwork, await this.#records.read(spareName));
    await this.#records.setPlace(spareName, { id: sparePlace, position: 0, ready: undefined });
    const ways = await this.#plugIn(record, cableOf(this.#prefix, record.subnet, 0), true);
    await this.#records.write(spareName, { ...record, ready: boot });
    await this.#records.setPlace(spareName, { id: sparePlace, position: 0, ready: boot });
    return JSON.stringify(ways);
  }

  /** Whatever a crash in between leaves is found: under the one name or the other, never under both. */
  async #adoptSpare(id: RunId, { name, hosts }: BridgeNetwork): Promise<boolean> {
    if (existsSync(join(this.#root, name))) return false; // it has begun before
    const madeFor = this.#spare.take();
    if (madeFor === undefined) return false;
    const record = await this.#records.read(spareName);
    const isUsable =
      madeFor === JSON.stringify(await uplinks()) &&
      record !== undefined &&
      hasInterface(record.bridge) &&
      existsSync(cableOf(this.#prefix, record.subnet, 0).path);
    if (!isUsable) {
      await this.#dropSpare();
      return false;
    }
    await this.#records.write(spareName, { ...record, hosts });
    await this.#records.passPlace(spareName, sparePlace, id);
    await passSubnet(record.subnet, join(this.#root, name));
    await this.#records.rename(spareName, name);
    return true;
  }

  async #dropSpare(): Promise<void> {
    for (const place of await this.#records.places(spareName)) await this.#unplug(spareName, place);
    await this.#removeIfEmpty(spareName);
  }

  async #detach(id: RunId): Promise<void> {
    const name = await readFile(join(this.#runs, id, "network"), "utf8").catch(() => undefined); // none: no network
    if (name === undefined) return;
    const places = await this.#records.places(name);
    const place = places.find((each) => each.id === id);
    const record = await this.#records.read(name);
    if (record && place && places.length === 1) {
      // All in one: what follows finds nothing of it left.
      const cable = this.#cableLeftovers(cableOf(this.#prefix, record.subnet, place.position));
      await this.#ipLines([...cable, ...bridgeLeftovers(record.bridge)], ["-force"]);
    }
    if (place !== undefined) await this.#unplug(name, place);
    await this.#removeIfEmpty(name);
  }

  async #unplug(name: string, place: Place): Promise<void> {
    const record = await this.#records.read(name);
    if (record)
      await this.#ipLines(this.#cableLeftovers(cableOf(this.#prefix, record.subnet, place.position)), ["-force"]);
    if (record?.encrypted) await this.#tunnels.unplug(join(this.#root, name), place.position);
    await this.#records.removePlace(name, place.id);
  }

  async #removeIfEmpty(name: string): Promise<void> {
    if ((await this.#records.places(name)).length > 0) return;
    const record = await this.#records.read(name);
    if (record !== undefined) await this.#removeBridge(name, record);
    await this.#records.remove(name);
    if ((await this.#records.names()).length === 0) await this.#filter.remove();
  }

  async #removeBridge(name: string, record: NetworkRecord): Promise<void> {
    if (record.hosts.length > 1) await this.#filter.forgetInside(record.bridge);
    await this.#ipLines(bridgeLeftovers(record.bridge), ["-force"]);
    await releaseSubnet(record.subnet, join(this.#root, name));
  }

  async #sharedBridges(): Promise<string[]> {
    const records = await Promise.all((await this.#records.names()).map((name) => this.#records.read(name)));
    return records.flatMap((record) => (record !== undefined && record.hosts.length > 1 ? [record.bridge] : []));
  }

  /** The cable goes at once, the namespace when its last process has. */
  #cableLeftovers(cable: Cable): string[] {
    return [
      ...(hasInterface(cable.outside) ? [`link del dev ${cable.outside}`] : []),
      ...(existsSync(cable.path) ? [`netns del ${cable.namespace}`] : []),
    ];
  }

  async #ipLines(lines: readonly string[], options: readonly string[] = []): Promise<void> {
    if (lines.length === 0) return;
    await runTool([this.#ip, ...options, "-batch", "-"], `${lines.join("\n")}\n`);
  }
}

function bridgeLeftovers(bridge: string): string[] {
  return hasInterface(bridge) ? [`link del dev ${bridge}`] : [];
}

function hasInterface(name: string): boolean {
  return existsSync(`/proc/sys/net/ipv4/conf/${name}`);
}

async function writeSetting(family: "ipv4" | "ipv6", name: string, setting: string, value: string): Promise<void> {
  await writeFile(`/proc/sys/net/${family}/conf/${name}/${setting}`, value, { flag: "r+" });
}
