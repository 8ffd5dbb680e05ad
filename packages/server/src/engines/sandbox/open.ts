import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../../log.ts";
import { type Engine, EngineUnavailable } from "../engine.ts";
import { openNetworks } from "../network/open-networks.ts";
import type { NetworkTools } from "../network/tools.ts";
import { Launcher } from "../supervised/launcher.ts";
import type { EngineFolders } from "../supervised/run-folder.ts";
import { SupervisedEngine } from "../supervised/supervised-engine.ts";
import { type Supervisor, supervisorNotices } from "../supervised/supervisor.ts";
import { findBubblewrap } from "./bubblewrap.ts";
import { composeSandbox, noLayers, type SandboxHost } from "./compose.ts";
import { findLibraries } from "./minimal-root.ts";
import { type Probe, probeNotices, probeSandbox } from "./probe.ts";
import { seccompFilter } from "./seccomp.ts";
import { RunUsers } from "./users.ts";

/**
 * Opens the engine of sandboxes, after a trial run of one (once per boot).
 * @throws EngineUnavailable with the reason where they do not work.
 */
export async function openSandboxEngine(options: {
  folders: EngineFolders;
  supervisor: Supervisor;
  log: Log;
  channelForm: string | undefined;
  networkTools?: NetworkTools | undefined;
  platformSocket: string | undefined;
}): Promise<Engine> {
  const { folders, supervisor, log, channelForm, platformSocket } = options;
  if (process.platform !== "linux") throw new EngineUnavailable(`sandboxes need Linux, this is ${process.platform}`);
  const bubblewrap = findBubblewrap();
  if (bubblewrap === undefined) throw new EngineUnavailable("bubblewrap is not installed");
  const filter = await writeFilter(folders);
  const libraries = findLibraries(folders.root, process.execPath);
  libraries.catch(() => undefined); // told to the first start, which awaits it
  const users = process.geteuid?.() === 0 ? new RunUsers(folders.runs) : undefined;
  const host: SandboxHost = {
    bubblewrap,
    filter,
    libraries,
    uidFor: (id, folder) => users?.uidFor(id, folder) ?? Promise.resolve(undefined),
    rangeFor: (id, folder) => users?.rangeFor(id, folder) ?? Promise.resolve(undefined),
    hasLayers: supervisor.kind === "native",
    ...(channelForm === undefined ? {} : { channelForm }),
  };
  const networks = await openNetworks(folders, options.networkTools);
  const parts = {
    name: "sandbox",
    folders,
    launcher: new Launcher(supervisor),
    log,
    compose: composeSandbox(host),
    networks: networks.networks,
    ...(platformSocket === undefined ? {} : { platformSocket }),
  };
  const open = (probe: Probe | undefined) =>
    new SupervisedEngine({
      ...parts,
      capabilities: {
        isolation: true,
        layers: host.hasLayers ? true : { lacks: noLayers },
        memoryLimit: probe?.memoryLimit ?? false,
        cpuLimit: probe?.cpuLimit ?? false,
        notices:
          probe === undefined ? [] : [...probeNotices(probe), ...networks.notices, ...supervisorNotices(supervisor)],
      },
    });
  return open(await probeSandbox({ engine: open(undefined), folders, supervisor, bubblewrap }));
}

async function writeFilter(folders: EngineFolders): Promise<string> {
  const program = seccompFilter(process.arch);
  if (program === undefined) throw new EngineUnavailable(`there is no system call filter for ${process.arch}`);
  const path = join(folders.root, "seccomp.bpf");
  const there = await stat(path).catch(() => undefined); // absent at the first start
  if (there?.size !== program.length) await writeFile(path, program, { mode: 0o644 });
  return path;
}
