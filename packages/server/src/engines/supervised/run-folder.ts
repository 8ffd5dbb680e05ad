import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootId, isAlive, type ProcessIdentity, parseIdentity } from "../../process-identity.ts";
import { readSmallFile } from "../../small-file.ts";
import type { RunId, RunState } from "../engine.ts";

/** Where an engine keeps what it knows: everything is on disk, so a restarted server finds its runs again. */
export interface EngineFolders {
  readonly root: string;
  readonly runs: string;
  /** One exit record a run; a single watch on this folder notices every end. */
  readonly exits: string;
  readonly sockets: string;
}

/** Longest host path of a run's socket; `sun_path` holds 108 bytes, 104 on macOS. */
const maxSocketPath = 100;

/** The folders below an engine's directory. */
export function engineFolders(directory: string): EngineFolders {
  const sockets = join(directory, "s");
  const longest = socketPath(sockets, "x");
  return {
    root: directory,
    runs: join(directory, "runs"),
    exits: join(directory, "exits"),
    sockets:
      Buffer.byteLength(longest) <= maxSocketPath ? sockets : join(tmpdir(), `sagebrush-${shortHash(directory, 12)}`),
  };
}

/** A folder of its own for every socket, which alone is shown to the run. */
export function socketFolder(sockets: string, id: RunId): string {
  return join(sockets, shortHash(id, 16));
}

/** Host path of the run's server socket. */
export function socketPath(sockets: string, id: RunId): string {
  return join(socketFolder(sockets, id), socketName);
}

export const socketName = "s";

/** Where the gateway listens for the runs of the engine in this directory. */
export function platformSocketPath(directory: string): string {
  return join(engineFolders(directory).sockets, "platform");
}

/** Where the main process listens for what gateway workers pass on: a folder that only its owner may enter. */
export function mainSocketPath(directory: string): string {
  return join(engineFolders(directory).sockets, "main");
}

/** The first `length` hex digits of a hash: short names for long ones. */
export function shortHash(text: string, length: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

/** What the supervisor said when the run began. */
export interface Started {
  readonly startedAt: number;
  readonly memoryLimited: boolean;
  readonly cpuLimited: boolean;
  readonly channels: string;
}

/** The supervisor of a run, or undefined before one has taken over. */
export function readSupervisor(folders: EngineFolders, id: RunId): ProcessIdentity | undefined {
  return readIdentity(join(folders.runs, id, "pid"));
}

/** Reads a file that names a process, if there is one. */
export function readIdentity(path: string): ProcessIdentity | undefined {
  const text = readSmallFile(path);
  return text === undefined ? undefined : parseIdentity(text);
}

/** Reads how and when a run began, once it has. */
export function readStarted(folders: EngineFolders, id: RunId): Started | undefined {
  const text = readSmallFile(join(folders.runs, id, "started"));
  if (text === undefined) return undefined;
  const [at, memory, cpu, channels] = text.trim().split(" ");
  return {
    startedAt: Number(at),
    memoryLimited: memory === "1",
    cpuLimited: cpu === "1",
    channels: channels ?? "none",
  };
}

/** The state of a run as its files tell it. */
export function readState(folders: EngineFolders, id: RunId): RunState {
  const ended = readExit(folders, id);
  if (ended !== undefined) return ended;
  const supervisor = readSupervisor(folders, id);
  if (supervisor === undefined) return { phase: "absent" };
  if (!isAlive(supervisor)) return readExit(folders, id) ?? lost(supervisor);
  const started = readStarted(folders, id);
  if (started === undefined) return { phase: "pending" };
  const address = readSmallFile(join(folders.runs, id, "address")) ?? "";
  return { phase: "running", startedAt: started.startedAt, address };
}

function readExit(folders: EngineFolders, id: RunId): RunState | undefined {
  const text = readSmallFile(join(folders.exits, id));
  if (text === undefined) return undefined;
  const [code, startedAt, endedAt, reason] = text.trim().split(" ");
  return {
    phase: "exited",
    exitCode: Number(code),
    startedAt: Number(startedAt),
    endedAt: Number(endedAt),
    ...(reason === "out-of-memory" ? { reason } : {}),
  };
}

function lost(supervisor: ProcessIdentity): RunState {
  const reason =
    supervisor.boot === bootId()
      ? "The process that supervises the run ended without leaving an exit status"
      : "The host was restarted while the run was going on";
  return { phase: "lost", reason };
}

/** The folder that is a run's HOME where it has one, made if need be. It goes with the run. */
export async function homeFolder(folder: string): Promise<string> {
  const home = join(folder, "home");
  await mkdir(home, { recursive: true, mode: 0o755 });
  return home;
}
