import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { bootId } from "../../process-identity.ts";
import { type Engine, EngineUnavailable, type RunSpec } from "../engine.ts";
import { type EngineFolders, readStarted } from "../supervised/run-folder.ts";
import type { Supervisor } from "../supervised/supervisor.ts";

/** What a trial run found out about this host. */
export interface Probe {
  readonly memoryLimit: boolean;
  readonly cpuLimit: boolean;
  /** How channels are made: `data-only` and `hardlink` overlays cost nothing, `copy` costs their size. */
  readonly channels: string;
}

interface ProbeRequest {
  readonly engine: Engine;
  readonly folders: EngineFolders;
  readonly supervisor: Supervisor;
  readonly bubblewrap: string;
}

const id = "probe";
const trialMillis = 10_000;

/**
 * Runs one trivial program in a sandbox with a channel and limits. The answer is kept until the host is restarted or
 * a part changes.
 * @throws EngineUnavailable when the program did not run.
 */
export async function probeSandbox(request: ProbeRequest): Promise<Probe> {
  const cache = join(request.folders.root, "probe.json");
  const key = await probeKey(request);
  const kept = await readKept(cache);
  if (kept?.key === key) return kept.probe;
  const probe = await tryOnce(request);
  await writeFile(cache, JSON.stringify({ key, probe }), { mode: 0o600 });
  return probe;
}

/** Notices about what the host does not give. */
export function probeNotices(probe: Probe): string[] {
  const notices: string[] = [];
  if (!probe.memoryLimit)
    notices.push("no memory limit (control groups are not writable from here): a run can use all of the host's memory");
  if (!probe.cpuLimit)
    notices.push(
      "no CPU weights (control groups are not writable from here): runs compete as the kernel's scheduler likes",
    );
  if (probe.channels === "copy")
    notices.push(
      "no overlays for channels (they want the native supervisor and a recent kernel): inputs are copied, which takes time and disk space",
    );
  if (process.geteuid?.() !== 0)
    notices.push("not root: all runs have the server's user id outside, so only their namespaces keep them apart");
  return notices;
}

async function tryOnce({ engine, folders, supervisor }: ProbeRequest): Promise<Probe> {
  const ml = join(folders.root, "probe-ml");
  const logFile = join(folders.root, "probe.txt");
  const source = join(folders.root, "probe-objects", "1"); // a folder apart: overlay layers may not lie in each other
  await engine.remove(id);
  await mkdir(ml, { recursive: true });
  await rm(logFile, { force: true });
  await mkdir(join(folders.root, "probe-objects"), { recursive: true });
  await writeFile(source, "1");
  const ended = new Promise<void>((resolve) => engine.watch((run) => run === id && resolve()));
  const spec: RunSpec = {
    root: { kind: "files", binds: [{ source: supervisor.program, target: "/opt/sagebrush/bin/probe" }] },
    command: ["/opt/sagebrush/bin/probe", supervisor.kind === "native" ? "probe" : "--version"],
    environment: {},
    hostname: "probe",
    mlDirectory: ml,
    channels: [{ target: "/opt/ml/input/data/probe", files: [{ path: "a", source, sizeBytes: 1 }], readOnly: false }],
    network: { kind: "none" },
    resources: { memoryBytes: 256 * 1024 * 1024, cpus: 1 },
    serves: false,
    logFile,
    maxLogBytes: 10_000,
  };
  try {
    await engine.start(id, spec);
    const started = readStarted(folders, id);
    await waitForEnd(engine, ended);
    const state = await engine.observe(id);
    if (state.phase !== "exited" || state.exitCode !== 0 || started === undefined) {
      throw new EngineUnavailable(`a trial sandbox failed: ${await lastWords(logFile)}`);
    }
    return { memoryLimit: started.memoryLimited, cpuLimit: started.cpuLimited, channels: started.channels };
  } finally {
    await engine.remove(id);
    await engine.close();
  }
}

async function waitForEnd(engine: Engine, ended: Promise<void>): Promise<void> {
  const late = AbortSignal.timeout(trialMillis);
  while (!late.aborted) {
    const state = await engine.observe(id);
    if (state.phase !== "running" && state.phase !== "pending") return;
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 10))]);
  }
}

async function lastWords(logFile: string): Promise<string> {
  const text = await readFile(logFile, "utf8").catch(() => ""); // no log: nothing was said
  const lines = text
    .trim()
    .split("\n")
    .map((line) => line.replace(/^\d+ /, ""));
  return lines.at(-1) || "it said nothing";
}

async function probeKey({ supervisor, bubblewrap }: ProbeRequest): Promise<string> {
  const parts = await Promise.all([supervisor.program, bubblewrap].map((path) => stat(path)));
  const files = parts.map((about) => `${about.size}:${about.mtimeMs}`);
  return [bootId(), release(), process.geteuid?.(), supervisor.kind, ...files].join(" ");
}

async function readKept(cache: string): Promise<{ key: string; probe: Probe } | undefined> {
  try {
    return JSON.parse(await readFile(cache, "utf8")) as { key: string; probe: Probe };
  } catch {
    return undefined; // none yet, or half-written: tried again
  }
}
