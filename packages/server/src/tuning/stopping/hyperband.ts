import { randomStream } from "../random-stream.ts";
import type { StoppingRule } from "./stopping-rule.ts";

/** One of so many trials goes on from each rung. Hyperband's own choice is 3 or 4; the service does not publish its. */
const reduction = 3;

/** Settings of Hyperband. A resource is whatever a trial reports its objective after each of: an epoch, a round. */
export interface HyperbandOptions {
  readonly maximise: boolean;
  /** No trial is stopped before. */
  readonly minResource: number;
  /** No trial goes on beyond. */
  readonly maxResource: number;
  readonly seed: number;
}

/**
 * Asynchronous successive halving over Hyperband's brackets, in the form that stops running trials: a trial that comes to a
 * rung goes on when its objective there is among the best third of all that came to that rung before it, and stops
 * otherwise. Nobody waits for anybody, so that any number of trials may run at once, and end in any order.
 * @see Li et al. (2018), Hyperband, JMLR 18(185); Li et al. (2020), A system for massively parallel hyperparameter tuning.
 */
export class Hyperband implements StoppingRule {
  readonly #options: HyperbandOptions;
  /** Resources of the rungs below the greatest, ascending. */
  readonly #rungs: readonly number[];
  /** Objectives that came to each rung of each bracket. Brackets do not compete: their first rungs differ. */
  readonly #reached: readonly (readonly number[][])[];
  /** Rungs that each trial has passed. */
  readonly #passed = new Map<number, number>();

  constructor(options: HyperbandOptions) {
    this.#options = options;
    const rungs: number[] = [];
    for (let at = options.minResource; at < options.maxResource; at *= reduction) rungs.push(at);
    this.#rungs = rungs;
    this.#reached = [...rungs, 0].map(() => rungs.map(() => []));
  }

  review(trial: number, curve: readonly number[]): "continue" | "stop" {
    const decision = this.#advance(trial, curve);
    return decision === "stop" || curve.length >= this.#options.maxResource ? "stop" : "continue";
  }

  restore(trial: number, curve: readonly number[]): void {
    this.#advance(trial, curve, true);
  }

  end(trial: number, curve: readonly number[]): void {
    this.#advance(trial, curve, true);
  }

  /** Every trial comes to a rung once, however often its curve is looked at. */
  #advance(trial: number, curve: readonly number[], isDecided = false): "continue" | "stop" {
    const bracket = this.bracketOf(trial);
    for (let rung = this.#passed.get(trial) ?? bracket; rung < this.#rungs.length; rung++) {
      const resource = this.#rungs[rung] as number;
      if (curve.length < resource) break;
      this.#passed.set(trial, rung + 1);
      const reached = (this.#reached[bracket] as number[][])[rung] as number[];
      const value = curve[resource - 1] as number;
      reached.push(value);
      if (!isDecided && !this.#isAmongBest(value, reached)) return "stop";
    }
    return "continue";
  }

  #isAmongBest(value: number, reached: readonly number[]): boolean {
    if (reached.length < reduction) return true;
    const better = reached.filter((other) => (this.#options.maximise ? other > value : other < value)).length;
    return better < Math.floor(reached.length / reduction);
  }

  /**
   * The first rung of a trial's bracket, drawn from the seed and its number with the shares that Hyperband gives its
   * brackets: most begin at the least resource, a few are left alone up to the greatest.
   */
  bracketOf(trial: number): number {
    const last = this.#rungs.length;
    const shares = Array.from({ length: last + 1 }, (_, first) => reduction ** (last - first) / (last - first + 1));
    let rest = randomStream(this.#options.seed, trial, 1).uniform() * shares.reduce((sum, share) => sum + share, 0);
    for (const [first, share] of shares.entries()) {
      rest -= share;
      if (rest < 0) return first;
    }
    return last;
  }
}
