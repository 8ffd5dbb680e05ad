import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { identityOf, isAlive, parseIdentity } from "../../process-identity.ts";
import { EngineUnavailable, RunRefused } from "../engine.ts";
import type { NetworkRecord } from "./network-records.ts";
import { type Cable, underlayName } from "./plumbing.ts";
import { gatewayAddress, hostAddress, type Subnet, subnetText } from "./subnets.ts";
import { type NetworkTools, runTool } from "./tools.ts";

/** A host's WireGuard keys, in base64 as its tools have them. */
interface KeyPair {
  readonly private: string;
  readonly public: string;
}

const port = 51_820;
/** What a packet grows by on its way through a tunnel. */
const overheadBytes = 80;
/** Addresses inside tunnels lie as far above those that carry them. */
const overlayDistance = 0x0010_0000;
/** From util-linux. */
const nsenter = "nsenter";
const controlSockets = "/var/run/wireguard";
const patienceMillis = 10_000;
const trialName = "sbwgtrial";

/** Moves a network's block to where its encrypted addresses are: 10.224.0.0/12. */
export function overlay({ first, prefix }: Subnet): Subnet {
  return { first: first + overlayDistance, prefix };
}

/** Keys for every host of a network. */
export function makeKeys(count: number): KeyPair[] {
  return Array.from({ length: count }, () => {
    const { d = "", x = "" } = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
    const base64 = (text: string) => Buffer.from(text, "base64url").toString("base64");
    return { private: base64(d), public: base64(x) };
  });
}

/** What `wg setconf` reads on one host: everybody else is a peer. */
export function tunnelConfiguration(keys: readonly KeyPair[], subnet: Subnet, position: number): string {
  const lines = ["[Interface]", `PrivateKey = ${keys[position]?.private}`, `ListenPort = ${port}`];
  for (const [index, key] of keys.entries()) {
    if (index === position) continue;
    lines.push("[Peer]", `PublicKey = ${key.public}`, `Endpoint = ${hostAddress(subnet, index)}:${port}`);
    lines.push(`AllowedIPs = ${hostAddress(overlay(subnet), index)}/32`);
  }
  return `${lines.join("\n")}\n`;
}

/** Rules inside a run's namespace: nothing but tunnels goes to its peers, whatever address a program uses. */
export function sealRules(subnet: Subnet): string {
  const toPeers = `oifname "${underlayName}" ip daddr ${subnetText(subnet)}`;
  const rules = [
    `${toPeers} ip daddr ${gatewayAddress(subnet)} accept`,
    `${toPeers} udp dport ${port} accept`,
    `${toPeers} drop`,
  ];
  return `table inet seal {\n  chain out {\n    type filter hook output priority 0; policy accept;\n    ${rules.join("\n    ")}\n  }\n}\n`;
}

/** WireGuard between the hosts of a network: the kernel's where it has it, a process for each host otherwise. */
export class Tunnels {
  readonly #tools: NetworkTools & { readonly ip: string };
  readonly #prefix: string;
  #inKernel: Promise<boolean> | undefined;

  constructor(prefix: string, tools: NetworkTools & { readonly ip: string }) {
    this.#prefix = prefix;
    this.#tools = tools;
  }

  /** @throws RunRefused where nothing here can encrypt. */
  async check(): Promise<void> {
    const { wg, wireguardGo, nft } = this.#tools;
    const missing =
      wg === undefined
        ? "wireguard-tools is not installed"
        : nft === undefined
          ? "nftables is not installed"
          : undefined;
    if (missing !== undefined) throw new RunRefused(`Traffic between hosts cannot be encrypted here: ${missing}`);
    if (wireguardGo === undefined && !(await this.#kernelHasIt()))
      throw new RunRefused(
        "Traffic between hosts cannot be encrypted here: the kernel has no WireGuard, and wireguard-go is not installed",
      );
  }

  /** Makes `eth0` of a run a tunnel to its peers, over the interface that is there. */
  async plugIn(folder: string, record: NetworkRecord, cable: Cable, position: number, mtu: number): Promise<void> {
    const { ip, wg = "", nft = "" } = this.#tools;
    const inside = [nsenter, `--net=${cable.path}`];
    const name = await this.#makeInterface(folder, cable, position);
    const keys = JSON.parse(await readFile(keyFile(folder), "utf8")) as KeyPair[];
    // A file: wg opens its input anew by name, which the sockets that Node makes for it do not allow.
    const file = join(folder, `tunnel-${position}.conf`);
    await writeFile(file, tunnelConfiguration(keys, record.subnet, position), { mode: 0o600 });
    await runTool([...inside, wg, "setconf", name, file]);
    await runTool([...inside, nft, "-f", "-"], sealRules(record.subnet));
    const own = overlay(record.subnet);
    const lines = [
      `link set dev ${name} mtu ${mtu - overheadBytes}`,
      `link set dev ${name} addrgenmode none`,
      ...(name === "eth0" ? [] : [`link set dev ${name} name eth0`]),
      `addr add ${hostAddress(own, position)}/${own.prefix} dev eth0`,
      "link set dev eth0 up",
    ];
    await runTool([ip, "-n", cable.namespace, "-batch", "-"], `${lines.join("\n")}\n`);
  }

  /** Ends the process that a run's tunnel may have. */
  async unplug(folder: string, position: number): Promise<void> {
    const file = processFile(folder, position);
    const identity = parseIdentity(await readFile(file, "utf8").catch(() => "")); // none: the kernel's, or never begun
    if (identity !== undefined && isAlive(identity)) process.kill(identity.pid, "SIGTERM"); // it removes its socket
    await rm(file, { force: true });
  }

  async #makeInterface(folder: string, cable: Cable, position: number): Promise<string> {
    const { ip, wireguardGo } = this.#tools;
    if (await this.#kernelHasIt()) {
      await runTool([ip, "-n", cable.namespace, "link", "add", "eth0", "type", "wireguard"]);
      return "eth0";
    }
    if (wireguardGo === undefined) throw new EngineUnavailable("wireguard-go is gone");
    // Its control socket is called as the interface was at first, so that cannot be eth0 for everybody.
    const name = `${this.#prefix}w${cable.key}`;
    await this.unplug(folder, position);
    const child = spawn(nsenter, [`--net=${cable.path}`, wireguardGo, "-f", name], {
      stdio: "ignore",
      detached: true,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LOG_LEVEL: "silent", WG_PROCESS_FOREGROUND: "1" },
      cwd: "/",
    });
    child.on("error", () => undefined); // it has no process id then
    child.unref();
    if (child.pid === undefined) throw new EngineUnavailable(`${wireguardGo} cannot be started`);
    const { pid, start, boot } = identityOf(child.pid);
    await writeFile(processFile(folder, position), `${pid} ${start} ${boot}\n`, { mode: 0o600 });
    const late = Date.now() + patienceMillis;
    while (!existsSync(join(controlSockets, `${name}.sock`))) {
      if (Date.now() > late || child.exitCode !== null)
        throw new EngineUnavailable(`${wireguardGo} does not work here`);
      await new Promise((resolve) => setTimeout(resolve, 5)); // the system tells nobody when it listens
    }
    return name;
  }

  #kernelHasIt(): Promise<boolean> {
    this.#inKernel ??= runTool([this.#tools.ip, "link", "add", "name", trialName, "type", "wireguard"]).then(
      () => runTool([this.#tools.ip, "link", "del", "dev", trialName]).then(() => true),
      () => false,
    );
    return this.#inKernel;
  }
}

/** Writes the keys of a network's hosts; for {@link Tunnels.plugIn}. */
export async function writeKeys(folder: string, count: number): Promise<void> {
  await writeFile(keyFile(folder), JSON.stringify(makeKeys(count)), { mode: 0o600 });
}

function keyFile(folder: string): string {
  return join(folder, "keys.json");
}

function processFile(folder: string, position: number): string {
  return join(folder, `tunnel-${position}`);
}
