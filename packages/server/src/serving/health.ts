import { request } from "node:http";

/** What pings have told of one run. Times are milliseconds since 1970. */
export interface Health {
  /** Answered 200 at least once. */
  readonly passed: boolean;
  /** Since when every ping has failed, once it had passed. */
  readonly failingSince?: number;
}

/** The contract gives one attempt 2 s. */
const attemptTimeoutMs = 2_000;
const steadyMs = 10_000;

interface Probe {
  readonly address: string;
  readonly startedAt: number;
  passed: boolean;
  failingSince: number | undefined;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Pings running instances: every few milliseconds just after the start, when a person waits for the endpoint, ever
 * more seldom later, and throughout life. State is in memory only; a new server asks anew.
 */
export class HealthChecks {
  readonly #probes = new Map<string, Probe>();
  readonly #changed: (runId: string) => void;

  /** @param changed - Called when a run passes for the first time, begins to fail or recovers. */
  constructor(changed: (runId: string) => void) {
    this.#changed = changed;
  }

  /** Pings the run from now on. Nothing changes when it is pinged there already. */
  track(runId: string, address: string): void {
    const known = this.#probes.get(runId);
    if (known?.address === address) return;
    this.untrack(runId);
    const probe: Probe = { address, startedAt: Date.now(), passed: false, failingSince: undefined, timer: undefined };
    this.#probes.set(runId, probe);
    void this.#ping(runId, probe);
  }

  /** Pings it now rather than at its next turn: a request has just failed there. */
  check(runId: string): void {
    const probe = this.#probes.get(runId);
    if (probe?.timer === undefined) return;
    clearTimeout(probe.timer);
    probe.timer = undefined;
    void this.#ping(runId, probe);
  }

  /** Stops pinging it. */
  untrack(runId: string): void {
    const probe = this.#probes.get(runId);
    clearTimeout(probe?.timer);
    this.#probes.delete(runId);
  }

  read(runId: string): Health {
    const probe = this.#probes.get(runId);
    if (probe === undefined) return { passed: false };
    const { passed, failingSince } = probe;
    return failingSince === undefined ? { passed } : { passed, failingSince };
  }

  close(): void {
    for (const runId of this.#probes.keys()) this.untrack(runId);
  }

  async #ping(runId: string, probe: Probe): Promise<void> {
    probe.timer = undefined;
    const ok = await ping(probe.address);
    if (this.#probes.get(runId) !== probe) return;
    const before = `${probe.passed} ${probe.failingSince !== undefined}`;
    if (ok) {
      probe.passed = true;
      probe.failingSince = undefined;
    } else if (probe.passed) probe.failingSince ??= Date.now();
    const delay = delayMs(probe, Date.now());
    probe.timer = setTimeout(() => void this.#ping(runId, probe), delay);
    probe.timer.unref();
    if (before !== `${probe.passed} ${probe.failingSince !== undefined}`) this.#changed(runId);
  }
}

/** How long to wait for the next ping. */
function delayMs(probe: Probe, now: number): number {
  if (probe.failingSince !== undefined) return 1_000;
  if (probe.passed) return steadyMs;
  const age = now - probe.startedAt;
  if (age < 3_000) return 4;
  return age < 30_000 ? 50 : 500;
}

/** One `GET /ping`. @returns Whether it was answered with 200 in time. */
export function ping(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const attempt = request(
      { ...target(address), path: "/ping", timeout: attemptTimeoutMs, agent: false },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    const deadline = setTimeout(() => attempt.destroy(new Error("timed out")), attemptTimeoutMs);
    attempt.once("close", () => {
      clearTimeout(deadline);
      resolve(false);
    });
    // A refused socket is the usual answer of a server that has not come up yet.
    attempt.once("error", () => resolve(false));
    attempt.end();
  });
}

function target(address: string): { socketPath: string } | { host: string; port: string } {
  if (address.startsWith("unix:")) return { socketPath: address.slice(5) };
  const [host = "", port = ""] = address.replace(/^tcp:/u, "").split(":");
  return { host, port };
}
