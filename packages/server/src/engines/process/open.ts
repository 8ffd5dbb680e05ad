import type { Log } from "../../log.ts";
import type { Engine } from "../engine.ts";
import { Launcher } from "../supervised/launcher.ts";
import type { EngineFolders } from "../supervised/run-folder.ts";
import { SupervisedEngine } from "../supervised/supervised-engine.ts";
import { type Supervisor, supervisorNotices } from "../supervised/supervisor.ts";
import { composeProcess } from "./compose.ts";

/** Opens the engine of plain processes: it works everywhere and isolates nothing. */
export function openProcessEngine(options: {
  folders: EngineFolders;
  supervisor: Supervisor;
  log: Log;
  /** Why there is no sandbox, for the notice. */
  reason: string;
}): Engine {
  const { folders, supervisor, log, reason } = options;
  return new SupervisedEngine({
    name: "process",
    folders,
    launcher: new Launcher(supervisor),
    log,
    compose: composeProcess,
    capabilities: {
      hostPaths: true,
      isolation: false,
      memoryLimit: false,
      cpuLimit: false,
      notices: [
        `no isolation (${reason}): runs are plain processes that can read and write whatever the server can, and reach the network`,
        "channels are copied, which takes time and disk space for large inputs",
        ...supervisorNotices(supervisor),
      ],
    },
  });
}
