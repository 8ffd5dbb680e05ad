/** A server in small: starts the container run that it reads from its input, says so, and stays. Tests kill it. */
import { text } from "node:stream/consumers";
import { silentLog } from "../../../log.ts";
import type { RunSpec } from "../../engine.ts";
import { engineFolders } from "../../supervised/run-folder.ts";
import { nodeSupervisor } from "../../supervised/supervisor.ts";
import { openDockerEngine } from "../open.ts";
import { podmanLimits } from "./podman-service.ts";

interface Request {
  readonly directory: string;
  readonly socketPath: string;
  readonly id: string;
  readonly spec: RunSpec;
}

const { directory, socketPath, id, spec } = JSON.parse(await text(process.stdin)) as Request;
const engine = await openDockerEngine({
  socketPath,
  ulimits: podmanLimits,
  folders: engineFolders(directory),
  supervisor: nodeSupervisor(),
  log: silentLog,
});
await engine.start(id, spec);
process.stdout.write("started\n");
setInterval(() => undefined, 1000);
