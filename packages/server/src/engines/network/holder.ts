import { spawn } from "node:child_process";
import { once } from "node:events";
import { identityOf, type ProcessIdentity } from "../../process-identity.ts";
import { EngineUnavailable } from "../engine.ts";
import type { Resolver } from "./resolver.ts";
import type { NetworkTools } from "./tools.ts";

/** Processes that keep a rootless network alive: on disk, for the server that comes after. */
export interface Holder {
  /** Sleeps in the namespaces that belong to the network. */
  readonly process: ProcessIdentity;
  /** The network stack in user space, where the network has a way out. */
  readonly wayOut?: ProcessIdentity;
  /** Words before a command that is to run in its namespaces. */
  readonly enter: readonly string[];
  readonly nameServers: readonly string[];
}

/** From util-linux. */
const [unshare, nsenter] = ["unshare", "nsenter"];
const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
const patienceMillis = 10_000;
/** slirp4netns answers questions for names at this address of its own network. */
const slirpResolver = "10.0.2.3";

/** Names of namespaces are kept below /run, which is private here; the network forwards between its parts. */
const hold = [
  "mount -t tmpfs tmpfs /run",
  "mkdir /run/netns",
  "ip link set lo up",
  "echo 1 > /proc/sys/net/ipv4/ip_forward",
  "echo ready",
  "exec sleep infinity > /dev/null",
].join(" && ");

/**
 * Starts them.
 * @param resolver - The host's, when the network shall have a way out.
 * @param note - Writes down what has been started, as soon as it is.
 */
export async function startHolder(
  tools: NetworkTools,
  resolver: Resolver | undefined,
  note: (holder: Holder) => Promise<void>,
): Promise<Holder> {
  const namespaces = ["--user", "--map-root-user", "--net", "--mount"];
  const child = start([unshare, ...namespaces, "/bin/sh", "-c", hold]);
  const { pid } = child;
  if (pid === undefined) throw new EngineUnavailable(`${unshare} cannot be started`);
  const holder: Holder = {
    process: identityOf(pid),
    enter: [nsenter, `--target=${pid}`, "--user", "--net", "--mount", "--preserve-credentials", "--"],
    nameServers: [],
  };
  await note(holder);
  await word(child.stdout, "The namespaces of a network");
  if (resolver === undefined) return holder;
  const whole = { ...holder, ...(await startWayOut(tools, pid, resolver)) };
  await note(whole);
  return whole;
}

async function startWayOut(
  tools: NetworkTools,
  pid: number,
  resolver: Resolver,
): Promise<Pick<Holder, "wayOut" | "nameServers">> {
  const { slirp4netns } = tools;
  if (slirp4netns === undefined) return { nameServers: [] };
  const options = ["--configure", "--mtu=65520", "--disable-host-loopback", `--userns-path=/proc/${pid}/ns/user`];
  const child = start([slirp4netns, ...options, "--ready-fd=1", String(pid), "tap0"]);
  if (child.pid === undefined) throw new EngineUnavailable(`${slirp4netns} cannot be started`);
  const wayOut = identityOf(child.pid);
  await word(child.stdout, slirp4netns);
  return {
    wayOut,
    nameServers: resolver.servers.length + (resolver.loopback === undefined ? 0 : 1) > 0 ? [slirpResolver] : [],
  };
}

function start([program = "", ...words]: readonly string[]) {
  const stdio = ["ignore", "pipe", "ignore"] as const;
  const child = spawn(program, words, { stdio: [...stdio], detached: true, env: environment, cwd: "/" });
  child.on("error", () => undefined); // it has no process id then
  child.unref();
  return child;
}

/** Waits until a process says that it is ready. */
async function word(output: NodeJS.ReadableStream & { destroy(): void }, what: string): Promise<void> {
  const late = AbortSignal.timeout(patienceMillis);
  const said = await Promise.race([once(output, "data", { signal: late }), once(output, "end", { signal: late })]);
  output.destroy();
  if (said.length === 0)
    throw new EngineUnavailable(`${what} could not be made: user namespaces may not be allowed here`);
}
