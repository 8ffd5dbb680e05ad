import type { Point, SearchSpace, Values } from "./search-space.ts";

/** Chooses the values of a trial; `undefined` when there is nothing left to try. */
export type Proposer = (trial: number, history: TrialHistory) => Values | undefined;

/** What an earlier search found. */
export interface PriorObservation {
  readonly values: Values;
  readonly objective: number;
  /**
   * Which search it is of, for one whose objectives cannot be held against this one's: other data, say. They are then
   * compared within that search only. Absent where objectives mean the same.
   */
  readonly source?: string;
}

/** A trial with an objective. Small objectives are good here, whatever they mean. */
export interface Observation {
  readonly point: Point;
  readonly loss: number;
  /** See `PriorObservation`. */
  readonly source?: string;
}

/** What is known of the trials of a search. */
export class TrialHistory {
  readonly #space: SearchSpace;
  readonly #sign: 1 | -1;
  readonly #pending = new Map<number, Point>();
  readonly #observations: Observation[] = [];
  readonly #tried = new Set<string>();
  #begun = 0;

  constructor(space: SearchSpace, maximise: boolean, prior: readonly PriorObservation[]) {
    this.#space = space;
    this.#sign = maximise ? -1 : 1;
    for (const { values, objective, source } of prior) {
      const point = space.encode(values);
      if (!point || !Number.isFinite(objective)) continue;
      this.#observations.push({ point, loss: this.#sign * objective, ...(source !== undefined && { source }) });
    }
  }

  /** Trials that nobody told of yet. */
  get pending(): readonly Point[] {
    return [...this.#pending.values()];
  }

  get observations(): readonly Observation[] {
    return this.#observations;
  }

  /** How many trials of this search there were. */
  get begun(): number {
    return this.#begun;
  }

  /** Whether a trial of this search had, or has, just these values. */
  hasTried(point: Point): boolean {
    return this.#tried.has(point.join());
  }

  begin(trial: number, values: Values): void {
    const point = this.#space.encode(values);
    if (!point) throw new RangeError(`trial ${trial} does not fit the search space`);
    this.#begun += 1;
    this.#pending.set(trial, point);
    this.#tried.add(point.join());
  }

  end(trial: number, value: number | undefined): void {
    const point = this.#pending.get(trial);
    this.#pending.delete(trial);
    if (!point || value === undefined || !Number.isFinite(value)) return;
    this.#observations.push({ point, loss: this.#sign * value });
  }
}
