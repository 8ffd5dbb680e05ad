import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import {
  type Capabilities,
  type Engine,
  EngineUnavailable,
  type RunId,
  type RunSpec,
  type RunState,
} from "../../../../engines/engine.ts";

/** One run as a test sees it. */
export interface ScriptedRun {
  readonly id: RunId;
  readonly spec: RunSpec;
  state: RunState;
  /** Grace periods of the stops it was sent. */
  readonly stops: number[];
}

/**
 * An engine without processes: runs do what a test says. It outlives "restarts of the server" as supervisors do, as
 * long as the test keeps it.
 */
export class ScriptedEngine implements Engine {
  readonly name = "scripted";
  capabilities: Capabilities = { isolation: true, memoryLimit: true, cpuLimit: true, notices: [] };
  isolates: NonNullable<Engine["isolates"]> = () => this.capabilities.isolation;
  readonly runs = new Map<RunId, ScriptedRun>();
  /** Called when a run starts; its algorithm. Ends the run by `exit`. */
  algorithm: (run: ScriptedRun, engine: ScriptedEngine) => Promise<void> | void = () => {};
  /** Which starts fail, before they have any effect. */
  refuses: (id: RunId) => boolean = () => false;
  readonly #listeners = new Set<(id: RunId) => void>();

  async start(id: RunId, spec: RunSpec): Promise<void> {
    if (this.runs.has(id)) return;
    if (this.refuses(id)) throw new EngineUnavailable("No room");
    const run: ScriptedRun = {
      id,
      spec,
      state: { phase: "running", startedAt: Date.now(), address: "" },
      stops: [],
    };
    this.runs.set(id, run);
    await mkdir(dirname(spec.logFile), { recursive: true });
    await this.algorithm(run, this);
    this.#changed(id);
  }

  async observe(id: RunId): Promise<RunState> {
    return this.runs.get(id)?.state ?? { phase: "absent" };
  }

  async list(): Promise<RunId[]> {
    return [...this.runs.keys()];
  }

  async stop(id: RunId, graceMs: number): Promise<void> {
    const run = this.runs.get(id);
    if (run?.state.phase !== "running") return;
    run.stops.push(graceMs);
    this.exit(id, 143);
  }

  async remove(id: RunId): Promise<void> {
    this.runs.delete(id);
    this.#changed(id);
  }

  watch(listener: (id: RunId) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  /** Ends a run. */
  exit(id: RunId, exitCode: number, reason?: "out-of-memory"): void {
    const run = this.runs.get(id);
    if (run?.state.phase !== "running") return;
    const { startedAt } = run.state;
    run.state = { phase: "exited", startedAt, endedAt: Date.now(), exitCode, ...(reason && { reason }) };
    this.#changed(id);
  }

  /** Loses a run, as a reboot of the host does. */
  lose(id: RunId): void {
    const run = this.runs.get(id);
    if (run?.state.phase !== "running") return;
    run.state = { phase: "lost", reason: "The host restarted" };
    this.#changed(id);
  }

  get running(): ScriptedRun[] {
    return [...this.runs.values()].filter(({ state }) => state.phase === "running");
  }

  #changed(id: RunId): void {
    for (const listener of this.#listeners) listener(id);
  }
}

/** Appends lines to a run's log in the engine's form. */
export async function logLines(run: ScriptedRun, ...lines: string[]): Promise<void> {
  await appendFile(run.spec.logFile, lines.map((line) => `${Date.now()} ${line}\n`).join(""));
}
