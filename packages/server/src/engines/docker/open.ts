import { mkdir, readFile } from "node:fs/promises";
import type { Log } from "../../log.ts";
import { mustBeOurs } from "../supervised/must-be-ours.ts";
import { type EngineFolders, shortHash } from "../supervised/run-folder.ts";
import type { Supervisor } from "../supervised/supervisor.ts";
import { channelFolders } from "./channel-folders.ts";
import { ContainerEvents } from "./container-events.ts";
import type { ContainerSettings } from "./container-request.ts";
import { Containers, directoryLabel } from "./containers.ts";
import { DockerEngine } from "./docker-engine.ts";
import { EngineApi } from "./engine-api.ts";
import { EngineTraits } from "./engine-traits.ts";
import { RunNetworks } from "./networks.ts";
import { openOwnNetworks } from "./own-networks.ts";
import { platformRelay } from "./platform-relay.ts";
import { RunFiles } from "./run-files.ts";

/** How to reach a container engine and what its containers get. */
export interface DockerOptions extends ContainerSettings {
  readonly socketPath: string;
}

/**
 * Opens the engine that runs images under Docker or Podman. One that does not answer yet is opened all the same: its
 * runs may be going on, and must not be taken for absent.
 */
export async function openDockerEngine(
  options: DockerOptions & {
    readonly folders: EngineFolders;
    readonly supervisor: Supervisor;
    /** Unix socket of the gateway, for runs that may reach it. */
    readonly platformSocket?: string | undefined;
    readonly log: Log;
  },
): Promise<DockerEngine> {
  const { folders, supervisor, log, socketPath } = options;
  for (const folder of [folders.runs, folders.sockets]) await mkdir(folder, { recursive: true, mode: 0o700 });
  await mustBeOurs(folders.sockets);
  const api = new EngineApi(socketPath);
  const directory = shortHash(folders.root, 8);
  const containers = new Containers(api, directory);
  const engine = new DockerEngine({
    api,
    containers,
    networks: new RunNetworks(api, directoryLabel, directory),
    ownNetworks: await openOwnNetworks(folders, supervisor),
    channels: channelFolders(supervisor),
    relay: platformRelay(supervisor, options.platformSocket),
    events: new ContainerEvents(containers),
    traits: new EngineTraits(api),
    files: new RunFiles(folders.runs),
    folders,
    settings: options,
    bootAt: await bootTime(),
    log,
  });
  await engine.resume();
  return engine;
}

/** Milliseconds since 1970 when the host was started; 0 where the system does not tell. */
async function bootTime(): Promise<number> {
  const text = await readFile("/proc/stat", "utf8").catch(() => ""); // not Linux
  return Number(/^btime (\d+)$/m.exec(text)?.[1] ?? 0) * 1000;
}
