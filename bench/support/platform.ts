import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const command = join(import.meta.dirname, "..", "..", "bin", "sagebrush");

/** A server of our own on a data directory that outlives it, to be stopped, killed and started again. */
export interface PlatformProcess {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly pid: number;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Asks it to end, and waits until it has. Jobs and endpoints go on. */
  stop(): Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts `sagebrush up` and waits until it says where it listens.
 * @param port - 0 for any.
 * @param cores - As taskset takes them; all where absent.
 */
export async function startPlatform(
  dataDirectory: string,
  port = 0,
  settings: readonly string[] = [],
  cores?: string,
): Promise<PlatformProcess> {
  // The pinned Node starts the server in this very process, so that a signal reaches the server itself.
  const options = ["up", "--data-dir", dataDirectory, "--port", String(port), ...settings];
  const program = [process.execPath, command, ...options];
  // taskset becomes the server too.
  const [file = "", ...args] = cores === undefined ? program : ["taskset", "-c", cores, ...program];
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  const url = await listening(child);
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await exit;
  };
  return {
    url,
    pid: child.pid as number,
    credentials: JSON.parse(
      readFileSync(join(dataDirectory, "credentials.json"), "utf8"),
    ) as PlatformProcess["credentials"],
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

async function listening(child: ChildProcess): Promise<string> {
  let printed = "";
  return new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      // Only the beginning is looked at: the log that follows may be long.
      if (printed.length < 100_000) printed += chunk.toString();
      const match = /listens on (\S+)/u.exec(printed);
      if (match?.[1] !== undefined) resolve(match[1]);
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.once("exit", () => reject(new Error(`The server ended at its start:\n${printed}`)));
  });
}
