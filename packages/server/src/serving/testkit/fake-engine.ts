import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../clock.ts";
import type { Capabilities, Engine, RunId, RunSpec, RunState, RunUsage } from "../../engines/engine.ts";

/** What a model server of a test does with a request; the run's environment says which model it is. */
export type ModelBehaviour = (request: IncomingMessage, response: ServerResponse, run: FakeRun) => void;

/** One run: a tiny HTTP server in this process, on a Unix socket. */
export interface FakeRun {
  readonly id: RunId;
  readonly spec: RunSpec;
  /** Every request, pings excepted. */
  readonly requests: IncomingMessage[];
  state: RunState;
  server: Server | undefined;
  /** Set by tests: what `GET /ping` answers. */
  pingStatus: number;
}

/**
 * An engine without processes, for tests of what stands on engines: `serves` runs answer `/ping` with 200 and hand
 * everything else to `behaviour`. Runs survive a "restart of the server" as long as the fake does.
 */
export class FakeEngine implements Engine {
  readonly name = "fake";
  readonly capabilities: Capabilities = { isolation: false, memoryLimit: false, cpuLimit: false, notices: [] };
  readonly runs = new Map<RunId, FakeRun>();
  /** What tests say that runs use. */
  readonly usages = new Map<RunId, RunUsage>();
  /** Ids in the order in which they were started and removed. */
  readonly started: RunId[] = [];
  readonly removed: RunId[] = [];
  behaviour: ModelBehaviour;
  /** What runs are dated by. */
  clock: Clock = systemClock;
  /** Called before a run comes up; what it returns ends the run instead, and what it throws keeps it from starting. */
  onStart: (spec: RunSpec) => { exitCode: number; reason?: "out-of-memory" } | undefined = () => undefined;
  /** What `GET /ping` answers, where it is more than a status. */
  pinged: ((response: ServerResponse) => void) | undefined = undefined;
  readonly #listeners = new Set<(id: RunId) => void>();
  readonly #folder = mkdtempSync(join(tmpdir(), "fake-"));

  constructor(behaviour: ModelBehaviour = echo) {
    this.behaviour = behaviour;
  }

  async start(id: RunId, spec: RunSpec): Promise<void> {
    if (this.runs.has(id)) return;
    const end = this.onStart(spec);
    const run: FakeRun = { id, spec, requests: [], state: { phase: "pending" }, server: undefined, pingStatus: 200 };
    this.runs.set(id, run);
    this.started.push(id);
    if (end !== undefined) {
      run.state = { phase: "exited", startedAt: this.clock.now(), endedAt: this.clock.now(), ...end };
      return this.#changed(id);
    }
    const path = join(this.#folder, `${id}.sock`);
    run.server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => this.#serve(run, request, response));
    await new Promise<void>((resolve) => run.server?.listen(path, resolve));
    run.state = { phase: "running", startedAt: this.clock.now(), address: `unix:${path}` };
    this.#changed(id);
  }

  async observe(id: RunId): Promise<RunState> {
    return this.runs.get(id)?.state ?? { phase: "absent" };
  }

  async list(): Promise<RunId[]> {
    return [...this.runs.keys()];
  }

  async stop(id: RunId): Promise<void> {
    this.crash(id, 143);
  }

  async remove(id: RunId): Promise<void> {
    if (!this.runs.has(id)) return;
    this.crash(id, 137);
    this.runs.delete(id);
    this.removed.push(id);
    this.#changed(id);
  }

  async usage(id: RunId): Promise<RunUsage | undefined> {
    return this.usages.get(id);
  }

  watch(listener: (id: RunId) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    for (const id of this.runs.keys()) this.crash(id, 137);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Ends a run as if its process had died: every connection is cut. */
  crash(id: RunId, exitCode: number, reason?: "out-of-memory"): void {
    const run = this.runs.get(id);
    if (run?.state.phase !== "running") return;
    run.server?.close();
    run.server?.closeAllConnections();
    run.state = {
      phase: "exited",
      startedAt: run.state.startedAt,
      endedAt: this.clock.now(),
      exitCode,
      ...(reason && { reason }),
    };
    this.#changed(id);
  }

  /** Forgets every run, as a reboot of the machine does. */
  reboot(): void {
    for (const id of this.runs.keys()) this.crash(id, 137);
    this.runs.clear();
  }

  get running(): FakeRun[] {
    return [...this.runs.values()].filter(({ state }) => state.phase === "running");
  }

  #serve(run: FakeRun, request: IncomingMessage, response: ServerResponse): void {
    if (request.url === "/ping") {
      if (this.pinged === undefined) response.writeHead(run.pingStatus).end();
      else this.pinged(response);
      return;
    }
    run.requests.push(request);
    this.behaviour(request, response, run);
  }

  #changed(id: RunId): void {
    for (const listener of this.#listeners) listener(id);
  }
}

/** Answers with the request's body and content type. */
export function echo(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("content-type", request.headers["content-type"] ?? "application/octet-stream");
  request.pipe(response);
}
