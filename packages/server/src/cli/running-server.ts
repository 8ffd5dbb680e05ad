import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, type ProcessIdentity } from "../process-identity.ts";
import { CommandError } from "./command-error.ts";

/** A server at work on a data directory, as it wrote it down when it began to listen. */
export interface RunningServer {
  /** The process, not to be mistaken for a later one of the same number. */
  readonly process: ProcessIdentity;
  /** `http://127.0.0.1:9310` */
  /** How programs on this machine reach it. */
  readonly url: string;
  /** How everybody else does: the first --public-url where there is one. */
  readonly publicUrl: string;
  readonly startedAt: string;
  readonly account: string;
  readonly region: string;
  readonly engine: string;
  /** For requests that only the user who started the server may make. */
  readonly token: string;
}

/** Writes the note that other commands find the server by. */
export function announce(dataDirectory: string, server: RunningServer): void {
  const partial = `${noteOf(dataDirectory)}.partial`;
  writeFileSync(partial, `${JSON.stringify(server, undefined, 2)}\n`, { mode: 0o600 });
  // Whoever waits for the note must never read half of it.
  renameSync(partial, noteOf(dataDirectory));
}

/** Takes the note back. */
export function withdraw(dataDirectory: string): void {
  rmSync(noteOf(dataDirectory), { force: true });
}

/** The server at work on this data directory, or `undefined`: a note whose process is gone does not count. */
export function findServer(dataDirectory: string): RunningServer | undefined {
  let server: RunningServer;
  try {
    server = JSON.parse(readFileSync(noteOf(dataDirectory), "utf8")) as RunningServer;
  } catch {
    return undefined;
  }
  return isAlive(server.process) ? server : undefined;
}

/** @throws CommandError when none runs. */
export function requireServer(dataDirectory: string): RunningServer {
  const server = findServer(dataDirectory);
  if (!server) {
    throw new CommandError(`no server is running on ${dataDirectory}. Start one with \`sagebrush up\`.`);
  }
  return server;
}

/** Access key of the installation. @throws CommandError before the first start. */
export function readCredentials(dataDirectory: string): { accessKeyId: string; secretAccessKey: string } {
  try {
    const content = readFileSync(join(dataDirectory, "credentials.json"), "utf8");
    return JSON.parse(content) as { accessKeyId: string; secretAccessKey: string };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw new CommandError(`credentials.json in ${dataDirectory} cannot be read: ${String(error)}`);
    }
    throw new CommandError(
      `there are no credentials in ${dataDirectory} yet: start the server once with \`sagebrush up\`.`,
    );
  }
}

function noteOf(dataDirectory: string): string {
  return join(dataDirectory, "server.json");
}
