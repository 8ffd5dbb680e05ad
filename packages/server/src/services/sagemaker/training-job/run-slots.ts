import type { HostCapacity } from "../../../instance-types/fit-to-host.ts";

/** The least memory that a training run is expected to need. */
const memoryPerRun = 512 * 2 ** 20;
/** With more runs than this at once, each gets too little of any host to be worth its start. */
const mostRuns = 64;

/** How many training jobs a host runs at once; further ones wait in `Starting`. */
export function runLimit(host: HostCapacity): number {
  return Math.max(2, Math.min(mostRuns, Math.floor(host.memoryBytes / memoryPerRun)));
}

/**
 * Which runs are under way. Kept in memory: after a restart of the server the first look at each job finds its run
 * again.
 */
export class RunSlots {
  readonly limit: number;
  readonly #held = new Set<string>();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Takes a slot for a run that is about to start. @returns Whether there was one. */
  take(runId: string): boolean {
    if (!this.#held.has(runId) && this.#held.size >= this.limit) return false;
    this.#held.add(runId);
    return true;
  }

  /** Counts a run that is under way already, whatever the limit. */
  hold(runId: string): void {
    this.#held.add(runId);
  }

  release(runId: string): void {
    this.#held.delete(runId);
  }
}
