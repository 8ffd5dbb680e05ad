import type { StoppingRule } from "./stopping-rule.ts";

/** One of so many trials goes on from each rung: the papers' 3 or 4; the service does not publish its own. */
const reduction = 3;

/** Settings of Hyperband. A resource is whatever a trial reports its objective after each of: an epoch, a round. */
export interface HyperbandOptions {
  readonly maximise: boolean;
  /** No trial is stopped before. */
  readonly minResource: number;
  /** No trial goes on beyond. */
  readonly maxResource: number;
}

/**
 * Asynchronous successive halving, in the form that stops running trials: a trial that comes to a rung goes on when its objective
 * there is among the best third of all that came to that rung before it, and stops otherwise. Nobody waits for anybody, so
 * that any number of trials may run at once, and end in any order. Of Hyperband's brackets it is the first: the paper below
 * found the others, which leave trials alone for longer, to be slower.
 * @see Li et al. (2020), A system for massively parallel hyperparameter tuning, MLSys.
 */
export class Hyperband implements StoppingRule {
  readonly #options: HyperbandOptions;
  /** Resources of the rungs below the greatest, ascending. */
  readonly #rungs: readonly number[];
  /** Objectives that came to each rung. */
  readonly #reached: readonly number[][];
  /** Rungs that each trial has passed. */
  readonly #passed = new Map<number, number>();
  /** Trials that may not go on: what they report until they end counts for nothing. */
  readonly #stopped = new Set<number>();

  constructor(options: HyperbandOptions) {
    this.#options = options;
    const rungs: number[] = [];
    for (let at = options.minResource; at < options.maxResource; at *= reduction) rungs.push(at);
    this.#rungs = rungs;
    this.#reached = rungs.map(() => []);
  }

  review(trial: number, curve: readonly number[]): "continue" | "stop" {
    this.#advance(trial, curve, (value, reached) => this.#isAmongBest(value, reached));
    return this.#stopped.has(trial) || curve.length >= this.#options.maxResource ? "stop" : "continue";
  }

  restore(trial: number, curve: readonly number[]): void {
    this.#advance(trial, curve, () => true);
  }

  end(trial: number, curve: readonly number[]): void {
    // What came since the last look is judged, too: a trial counts at the rungs that it would have been let to.
    this.review(trial, curve);
    this.#passed.delete(trial);
    this.#stopped.delete(trial);
  }

  /** Every trial comes to a rung once, however often its curve is looked at. */
  #advance(
    trial: number,
    curve: readonly number[],
    goesOn: (value: number, reached: readonly number[]) => boolean,
  ): void {
    let rung = this.#passed.get(trial) ?? 0;
    for (; rung < this.#rungs.length && !this.#stopped.has(trial); rung++) {
      const resource = this.#rungs[rung] as number;
      if (curve.length < resource) break;
      const reached = this.#reached[rung] as number[];
      const value = curve[resource - 1] as number;
      reached.push(value);
      if (!goesOn(value, reached)) this.#stopped.add(trial);
    }
    this.#passed.set(trial, rung);
  }

  #isAmongBest(value: number, reached: readonly number[]): boolean {
    const better = reached.filter((other) => (this.#options.maximise ? other > value : other < value)).length;
    return better < Math.max(1, Math.floor(reached.length / reduction));
  }
}
