import { bayesianSearch } from "./bayesian/bayesian-search.ts";
import { gridSearch } from "./grid-search.ts";
import { type PriorObservation, type Proposer, TrialHistory } from "./history.ts";
import { randomSearch } from "./random-search.ts";
import { type Parameter, SearchSpace, type Values } from "./search-space.ts";

/** How trials are chosen. Hyperband chooses as random search does; what it stops is a `StoppingRule`'s business. */
export type Strategy = "Bayesian" | "Grid" | "Hyperband" | "Random";

/** What to search, and how. */
export interface OptimiserOptions {
  readonly strategy: Strategy;
  readonly parameters: readonly Parameter[];
  /** Whether large objectives are good. */
  readonly maximise: boolean;
  /** Equal seeds, and equal tellings between askings, give equal trials. */
  readonly seed: number;
  /** What earlier searches found. */
  readonly prior?: readonly PriorObservation[];
}

/** One trial to run. */
export interface Suggestion {
  /** Counts from 1. */
  readonly trial: number;
  readonly values: Values;
}

/**
 * Chooses what to try next, by asking and telling: it runs nothing and knows nothing of who does. Trials may be asked for
 * before earlier ones are told of, in any number.
 */
export class Optimiser {
  readonly #history: TrialHistory;
  readonly #propose: Proposer;
  #last = 0;

  /** @throws RangeError for a range that cannot be searched. */
  constructor({ strategy, parameters, maximise, seed, prior = [] }: OptimiserOptions) {
    const space = new SearchSpace(parameters);
    this.#history = new TrialHistory(space, maximise, prior);
    this.#propose = proposers[strategy](space, seed);
  }

  /** The next trial; `undefined` when there is nothing left to try. */
  ask(): Suggestion | undefined {
    const trial = this.#last + 1;
    const values = this.#propose(trial, this.#history);
    if (values === undefined) return undefined;
    this.resume(trial, values);
    return { trial, values };
  }

  /** Takes up a trial that was asked of an earlier optimiser with the same options. */
  resume(trial: number, values: Values): void {
    this.#last = Math.max(this.#last, trial);
    this.#history.begin(trial, values);
  }

  /**
   * Says what became of a trial.
   * @param value - Its objective; `undefined` or not finite for one that has none, which then counts for nothing.
   */
  tell(trial: number, value: number | undefined): void {
    this.#history.end(trial, value);
  }
}

const proposers: Readonly<Record<Strategy, (space: SearchSpace, seed: number) => Proposer>> = {
  Bayesian: bayesianSearch,
  Grid: gridSearch,
  Hyperband: randomSearch,
  Random: randomSearch,
};
