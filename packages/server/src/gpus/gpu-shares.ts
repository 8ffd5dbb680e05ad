/**
 * Which run has which GPUs. Runs get those that the fewest others have: alone where there are enough, shared where not.
 * Kept in memory; what running ones have is told again after a restart.
 */
export class GpuShares {
  readonly #all: readonly string[];
  readonly #held = new Map<string, readonly string[]>();

  /** @param all - Names of the machine's GPUs, in their order. */
  constructor(all: readonly string[]) {
    this.#all = all;
  }

  /** Gives a run `count` GPUs, or all where there are fewer. @returns Their names, in the machine's order. */
  take(run: string, count: number): readonly string[] {
    const uses = new Map(this.#all.map((uuid) => [uuid, 0]));
    for (const [other, uuids] of this.#held) {
      if (other !== run) for (const uuid of uuids) uses.set(uuid, (uses.get(uuid) ?? 0) + 1);
    }
    const free = this.#all.toSorted((a, b) => (uses.get(a) ?? 0) - (uses.get(b) ?? 0)).slice(0, count);
    const taken = this.#all.filter((uuid) => free.includes(uuid));
    this.hold(run, taken);
    return taken;
  }

  /** Counts what a run has already. */
  hold(run: string, uuids: readonly string[]): void {
    if (uuids.length > 0) this.#held.set(run, uuids);
  }

  release(run: string): void {
    this.#held.delete(run);
  }
}
