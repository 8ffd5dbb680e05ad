import { mkdir } from "node:fs/promises";
import type { Log } from "../log.ts";
import { type Engine, EngineUnavailable } from "./engine.ts";
import type { NetworkTools } from "./network/tools.ts";
import { openProcessEngine } from "./process/open.ts";
import { openSandboxEngine } from "./sandbox/open.ts";
import { mustBeOurs } from "./supervised/must-be-ours.ts";
import { engineFolders } from "./supervised/run-folder.ts";
import { nativeSupervisor, nodeSupervisor, type Supervisor } from "./supervised/supervisor.ts";

/** Which engine to open and where it keeps its state. */
export interface EngineOptions {
  /** The engine's own folder in the data directory. */
  readonly directory: string;
  /** `auto` takes sandboxes where they work and plain processes elsewhere. */
  readonly kind: "auto" | "sandbox" | "process";
  readonly log: Log;
  /** Unix socket of the gateway that runs on networks reach. */
  readonly platformSocket?: string;
  /** For servers that other machines can reach: plain processes are refused. */
  readonly isolationRequired?: boolean;
  /** For tests: another supervisor than the best one here. */
  readonly supervisor?: Supervisor;
  /** For tests: other programs to make networks with than those of this host. */
  readonly networkTools?: NetworkTools;
  /** For tests: the first form of channel to try. */
  readonly channelForm?: "data-only" | "hardlink" | "copy";
}

/**
 * Opens the engine of this host.
 * @throws EngineUnavailable when a sandbox is asked for or required and does not work here; the message says why.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { directory, kind, log, channelForm, networkTools, platformSocket } = options;
  const folders = engineFolders(directory);
  for (const folder of [folders.root, folders.runs, folders.exits, folders.sockets]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  await mustBeOurs(folders.sockets);
  const supervisor = options.supervisor ?? nativeSupervisor() ?? nodeSupervisor();
  const common = { folders, supervisor, log };
  if (kind === "process") {
    if (options.isolationRequired) throw new EngineUnavailable(tooOpen("it was asked for"));
    return openProcessEngine({ ...common, reason: "it was asked for" });
  }
  try {
    return await openSandboxEngine({ ...common, channelForm, networkTools, platformSocket });
  } catch (error) {
    if (!(error instanceof EngineUnavailable) || kind === "sandbox") throw error;
    if (options.isolationRequired) throw new EngineUnavailable(tooOpen(error.message), { cause: error });
    return openProcessEngine({ ...common, reason: error.message });
  }
}

function tooOpen(reason: string): string {
  return (
    `Runs would be plain processes without isolation (${reason}), which is refused when other machines can reach the ` +
    "server: whoever may start a job could read the server's files. Install bubblewrap, or listen on 127.0.0.1."
  );
}
