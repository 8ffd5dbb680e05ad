import type { HostCapacity } from "../../../instance-types/fit-to-host.ts";

/** The least memory that a training run is expected to need. */
const memoryPerRun = 512 * 2 ** 20;
/** With more runs than this at once, each gets too little of any host to be worth its start. */
const mostRuns = 64;

/** How many runs of training jobs a host has at once; further jobs wait in `Starting`. */
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

  /**
   * Takes slots for all runs of a job that is about to start, or none. A job with more runs than there are slots has
   * them when nothing else runs. @returns Whether there were enough.
   */
  take(runIds: readonly string[]): boolean {
    const others = this.#held.size - runIds.filter((id) => this.#held.has(id)).length;
    if (others > 0 && others + runIds.length > this.limit) return false;
    this.hold(runIds);
    return true;
  }

  /** Counts runs that are under way already, whatever the limit. */
  hold(runIds: readonly string[]): void {
    for (const id of runIds) this.#held.add(id);
  }

  release(runIds: readonly string[]): void {
    for (const id of runIds) this.#held.delete(id);
  }
}
