import { randomBytes } from "node:crypto";
import { link, mkdir, realpath, rm } from "node:fs/promises";
import { request } from "node:http";
import { dirname, join } from "node:path";
import { type ChannelFile, type Engine, type RunId, type RunSpec } from "../engine.ts";

/** Names of spares: no record's runs begin so. */
export const sparePrefix = "w-";
const readyMs = 30_000;
const pollMs = 20;

/** A model server that waits for its model. */
export interface Spare {
  readonly id: RunId;
  /** Of its socket. */
  readonly socketPath: string;
}

/** Where spares have their folders. */
export function spareFolder(directory: string, id: RunId): string {
  return join(directory, id);
}

/** Starts a server like the one in `spec`, without its model, and waits until it listens. */
export async function startSpare(engine: Engine, directory: string, spec: RunSpec): Promise<Spare> {
  const id = `${sparePrefix}${randomBytes(6).toString("hex")}`;
  const folder = spareFolder(directory, id);
  await mkdir(join(folder, "model"), { recursive: true, mode: 0o755 });
  const { inAdvanceFor: _owner, ...shared } = spec;
  await engine.start(id, {
    ...shared,
    environment: { ...spec.environment, SAGEBRUSH_WAIT: "1" },
    channels: [],
    // Files that are put there later appear inside.
    mounts: [{ target: "/opt/ml/model", root: await realpath(join(folder, "model")), path: "", readOnly: true }],
    mlDirectory: join(folder, "ml"),
    logFile: join(folder, "log"),
  });
  for (const until = Date.now() + readyMs; Date.now() < until; ) {
    const run = await engine.observe(id);
    if (run.phase !== "pending" && run.phase !== "running") break;
    const socketPath = run.phase === "running" ? run.address.replace(/^unix:/u, "") : "";
    if (socketPath !== "" && (await ask(socketPath, "GET", "/ping")) === 503) return { id, socketPath };
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  await removeSpare(engine, directory, id);
  throw new Error("it did not come up");
}

/** Gives a spare its model, under the name and the log of the run that it becomes. @throws When it cannot have it. */
export async function handModel(directory: string, spare: Spare, files: readonly ChannelFile[], logFile: string) {
  const folder = spareFolder(directory, spare.id);
  await mkdir(dirname(logFile), { recursive: true });
  for (const { path, source } of files) {
    const target = join(folder, "model", path);
    await mkdir(dirname(target), { recursive: true });
    await link(source, target);
  }
  await link(join(folder, "log"), logFile);
  const status = await ask(spare.socketPath, "POST", "/model");
  if (status === 202) return;
  await rm(logFile, { force: true });
  throw new Error(`it answered ${status ?? "nothing"}`);
}

/** Ends a spare and frees all that it had. */
export async function removeSpare(engine: Engine, directory: string, id: RunId): Promise<void> {
  await engine.remove(id);
  await rm(spareFolder(directory, id), { recursive: true, force: true });
}

/** @returns The status; `undefined` when nobody answers. */
function ask(socketPath: string, method: string, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const call = request({ socketPath, method, path, agent: false, timeout: 2_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    call.once("timeout", () => call.destroy());
    call.once("error", () => resolve(undefined));
    call.once("close", () => resolve(undefined));
    call.end();
  });
}
