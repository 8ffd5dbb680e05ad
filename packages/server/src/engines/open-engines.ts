import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerSettings } from "./docker/container-request.ts";
import type { DockerEngine } from "./docker/docker-engine.ts";
import { findEngineSocket } from "./docker/docker-host.ts";
import { openDockerEngine } from "./docker/open.ts";
import { type Engine, EngineUnavailable } from "./engine.ts";
import { type EngineOptions, openEngine } from "./open-engine.ts";
import { RoutedEngine } from "./routed-engine.ts";
import { engineFolders } from "./supervised/run-folder.ts";
import { nativeSupervisor, nodeSupervisor } from "./supervised/supervisor.ts";

/** Which engines to open. */
export interface EnginesOptions extends Omit<EngineOptions, "kind"> {
  /** `auto` and `docker` run images in containers; `docker` insists on it. */
  readonly kind: EngineKind;
  /** Address of Docker or Podman; empty to look for one, `none` for none. */
  readonly dockerHost: string;
  readonly containerSettings: ContainerSettings;
}

/** What the setting `engine` may be. */
export type EngineKind = "auto" | "sandbox" | "process" | "docker";

/** The engines of this host as one, and by itself the one that runs images, if there is one. */
export interface Engines {
  readonly engine: Engine;
  readonly docker: DockerEngine | undefined;
}

/** Podman's and Docker's usual place, asked where earlier runs may be going on and no socket is found. */
const usualSocket = "/var/run/docker.sock";

/**
 * Opens what this host runs work in: sandboxes or processes, and besides them containers where Docker or Podman is.
 * @throws EngineUnavailable when what is asked for or required does not work here; the message says why.
 */
export async function openEngines(options: EnginesOptions): Promise<Engines> {
  const { kind, directory, log } = options;
  const home = await openEngine({ ...options, kind: kind === "docker" ? "auto" : kind });
  try {
    const folders = engineFolders(join(directory, "docker"));
    const socketPath = await socketFor(options, folders.runs);
    if (socketPath === undefined) return { engine: home, docker: undefined };
    const supervisor = options.supervisor ?? nativeSupervisor() ?? nodeSupervisor();
    const { containerSettings, platformSocket } = options;
    const docker = await openDockerEngine({
      ...containerSettings,
      socketPath,
      folders,
      supervisor,
      platformSocket,
      log,
    });
    if (kind === "docker" && docker.title === undefined) {
      await docker.close();
      throw new EngineUnavailable(`--engine docker: ${docker.capabilities.notices.join("; ")}`);
    }
    return { engine: new RoutedEngine(home, docker), docker };
  } catch (error) {
    await home.close();
    throw error;
  }
}

/** Where the container engine answers, or should: runs that were started there are not given up. */
async function socketFor({ kind, dockerHost }: EnginesOptions, runs: string): Promise<string | undefined> {
  const found = kind === "sandbox" || kind === "process" ? undefined : findEngineSocket(dockerHost);
  if (found !== undefined) return found;
  if (kind === "docker") {
    throw new EngineUnavailable(
      "--engine docker: no socket of Docker or Podman was found; start one, or name it with --docker-host.",
    );
  }
  const left = await readdir(runs).catch(() => []); // never used
  return left.length > 0 ? usualSocket : undefined;
}
