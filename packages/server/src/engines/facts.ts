import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../log.ts";
import { removeTree } from "../remove-tree.ts";
import { findEngineSocket } from "./docker/docker-host.ts";
import { EngineApi } from "./docker/engine-api.ts";
import { EngineTraits } from "./docker/engine-traits.ts";
import { EngineUnavailable } from "./engine.ts";
import { findTools } from "./network/tools.ts";
import { openEngine } from "./open-engine.ts";
import type { EnginesOptions } from "./open-engines.ts";
import { findBubblewrap } from "./sandbox/bubblewrap.ts";
import { nativeSupervisor } from "./supervised/supervisor.ts";

/** One line of `sagebrush doctor`. */
export interface EngineFact {
  readonly state: "ok" | "missing" | "problem";
  readonly what: string;
  /** What its absence costs, and what to do. */
  readonly cost?: string;
}

/** What this host has for running jobs, found out by a trial run in a temporary folder. */
export async function engineFacts(settings: Pick<EnginesOptions, "kind" | "dockerHost">): Promise<EngineFact[]> {
  const home = settings.kind === "docker" ? "auto" : settings.kind;
  return [...programFacts(), ...(await trialFacts(home)), await containerFact(settings)];
}

async function containerFact({ kind, dockerHost }: Pick<EnginesOptions, "kind" | "dockerHost">): Promise<EngineFact> {
  const absent = kind === "docker" ? ("problem" as const) : ("missing" as const);
  const socket = kind === "sandbox" || kind === "process" ? undefined : findEngineSocket(dockerHost);
  if (socket === undefined) {
    const cost =
      "Images pushed to this server run in sandboxes; images of other registries need one. Start Docker or `podman system service`, or name --docker-host.";
    return { state: absent, what: "container engine (Docker or Podman)", cost };
  }
  const api = new EngineApi(socket);
  try {
    return { state: "ok", what: `${(await new EngineTraits(api).get()).title} for container images (${socket})` };
  } catch (error) {
    return { state: absent, what: `container engine at ${socket}`, cost: (error as Error).message };
  } finally {
    api.close();
  }
}

const isRoot = process.geteuid?.() === 0;

function programFacts(): EngineFact[] {
  if (process.platform !== "linux") return [];
  const bubblewrap = findBubblewrap();
  const tools = findTools();
  return [
    bubblewrap !== undefined
      ? { state: "ok", what: `bubblewrap (${bubblewrap})` }
      : {
          state: "missing",
          what: "bubblewrap",
          cost: "Jobs run as plain processes without isolation. Debian: apt-get install bubblewrap.",
        },
    nativeSupervisor() !== undefined
      ? { state: "ok", what: "native supervisor" }
      : {
          state: "missing",
          what: "native supervisor (no C compiler was found at set-up)",
          cost: "Every run costs 50 MB more, starts 0.2 s later, has no limits and copies its input; images of your own do not run in sandboxes. Install a C compiler, run set-up again.",
        },
    tools.ip !== undefined && (tools.nft ?? (isRoot ? tools.iptables : undefined)) !== undefined
      ? { state: "ok", what: "networks for runs (iproute2, a packet filter)" }
      : {
          state: "missing",
          what: "iproute2 or nftables",
          cost: "Your own code and containers cannot run in sandboxes; built-in algorithms can. Debian: apt-get install iproute2 nftables.",
        },
    ...(isRoot ? [] : [wayOutFact(tools.slirp4netns)]),
    tools.wg !== undefined
      ? { state: "ok", what: "wireguard-tools" }
      : {
          state: "missing",
          what: "wireguard-tools",
          cost: "Jobs of several hosts with EnableInterContainerTrafficEncryption fail. Debian: apt-get install wireguard-tools, and wireguard-go where the kernel has no WireGuard.",
        },
  ];
}

function wayOutFact(program: string | undefined): EngineFact {
  if (program !== undefined) return { state: "ok", what: `slirp4netns (${program})` };
  const cost = "The server is not root, so that jobs do not reach the internet. Debian: apt-get install slirp4netns.";
  return { state: "missing", what: "slirp4netns", cost };
}

async function trialFacts(kind: "auto" | "sandbox" | "process"): Promise<EngineFact[]> {
  const directory = await mkdtemp(join(tmpdir(), "sagebrush-doctor-"));
  try {
    const engine = await openEngine({ directory, kind, log: silentLog });
    await engine.close();
    const { isolation, notices } = engine.capabilities;
    const cost = notices.map((notice) => `${notice}.`).join("\n         ");
    const what = isolation ? "runs are isolated in sandboxes" : "no isolation of runs";
    return [{ state: isolation ? "ok" : "missing", what, ...(cost === "" ? {} : { cost }) }];
  } catch (error) {
    if (!(error instanceof EngineUnavailable)) throw error;
    return [{ state: "problem", what: "the sandbox engine, which the configuration asks for", cost: error.message }];
  } finally {
    await removeTree(directory);
  }
}
