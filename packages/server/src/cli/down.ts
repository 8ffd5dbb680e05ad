import { engineSettings, parseCommandLine, readConfiguration } from "../configuration.ts";
import { dataDirectoryPaths } from "../data-directory.ts";
import { openEngines } from "../engines/index.ts";
import { silentLog } from "../log.ts";
import { isAlive, type ProcessIdentity } from "../process-identity.ts";
import { findServer } from "./running-server.ts";

const patienceMs = 30_000;

/** `sagebrush down`: stops the server; with `--all` also what it had running. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseCommandLine(args, { all: { type: "boolean" } });
  const configuration = readConfiguration(values);
  const server = findServer(configuration.dataDirectory);
  if (server) {
    process.kill(server.process.pid, "SIGTERM");
    if (!(await ended(server.process))) {
      process.stderr.write(`The server (process ${server.process.pid}) did not stop within ${patienceMs / 1000} s.\n`);
      return 1;
    }
    process.stdout.write(`Stopped the server (process ${server.process.pid}).\n`);
  } else {
    process.stdout.write(`No server is running on ${configuration.dataDirectory}.\n`);
  }
  if (values["all"] === "true") await stopRuns(configuration);
  return 0;
}

async function stopRuns(configuration: ReturnType<typeof readConfiguration>): Promise<void> {
  const { engine: directory } = dataDirectoryPaths(configuration.dataDirectory);
  const { engine } = await openEngines({ directory, ...engineSettings(configuration), log: silentLog });
  const runs = await engine.list();
  await Promise.all(runs.map((id) => engine.remove(id)));
  await engine.close();
  process.stdout.write(`Stopped ${runs.length} job and endpoint run${runs.length === 1 ? "" : "s"}.\n`);
}

async function ended(identity: ProcessIdentity): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  while (Date.now() < deadline) {
    if (!isAlive(identity)) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
