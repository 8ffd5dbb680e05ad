import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Configuration } from "../../configuration.ts";
import { CommandError } from "../command-error.ts";
import { findServer, readCredentials } from "../running-server.ts";

const commandLine = fileURLToPath(new URL("../start.mjs", import.meta.url));
const patienceMs = 30_000;

export interface BackgroundServer {
  readonly url: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The server at work on the data directory, started as a process of its own unless it runs already. */
export async function startInBackground(configuration: Configuration, signal: AbortSignal): Promise<BackgroundServer> {
  const { dataDirectory } = configuration;
  let running = findServer(dataDirectory);
  if (!running) {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    const logFile = join(dataDirectory, "server.log");
    const log = openSync(logFile, "a", 0o600);
    const child = spawn(process.execPath, [commandLine, "up", ...settingsOf(configuration)], {
      detached: true,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    let exited = false;
    child.once("exit", () => {
      exited = true;
    });
    child.unref();
    const deadline = Date.now() + patienceMs;
    while (!running) {
      if (signal.aborted) {
        child.kill("SIGTERM");
        throw signal.reason;
      }
      if (exited) throw new CommandError(`the server ended at its start:\n${readFileSync(logFile, "utf8")}`);
      if (Date.now() > deadline) throw new CommandError(`the server did not start in time; see ${logFile}.`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running = findServer(dataDirectory);
    }
  }
  return { url: running.url, region: running.region, credentials: readCredentials(dataDirectory) };
}

/** Stops the server on a data directory and everything it had running. Says nothing: it is one phase among others. */
export async function stopBackground(dataDirectory: string): Promise<void> {
  const { run: down } = await import("../down.ts");
  const write = process.stdout.write;
  process.stdout.write = () => true;
  try {
    await down(["--data-dir", dataDirectory, "--all"]);
  } finally {
    process.stdout.write = write;
  }
}

function settingsOf(configuration: Configuration): string[] {
  return [
    ...["--data-dir", configuration.dataDirectory, "--host", configuration.host, "--port", String(configuration.port)],
    ...["--account", configuration.account, "--region", configuration.region, "--engine", configuration.engine],
  ];
}
