import { isMaximised } from "./metrics.ts";

/** How a model stands against the best one so far. */
export interface Standing {
  readonly bestRound: number;
  readonly bestScore: number;
}

/** Ends training when a metric has not improved for some rounds. */
export class EarlyStopping {
  readonly #rounds: number;
  readonly #isMaximised: boolean;
  /** `validation-auc` */
  readonly watched: string;
  #standing: Standing | undefined;

  constructor(rounds: number, metric: string, set: string, resumed?: Standing) {
    this.#rounds = rounds;
    this.#isMaximised = isMaximised(metric);
    this.watched = `${set}-${metric}`;
    this.#standing = resumed;
  }

  /** Takes a round's scores. @returns Whether training ends now. */
  isOver(round: number, scores: readonly (readonly [name: string, value: number])[]): boolean {
    const score = scores.find(([name]) => name === this.watched)?.[1];
    if (score === undefined) throw new Error(`the rounds have no metric ${this.watched}`);
    const best = this.#standing;
    if (best === undefined || (this.#isMaximised ? score > best.bestScore : score < best.bestScore)) {
      this.#standing = { bestRound: round, bestScore: score };
      return false;
    }
    return round - best.bestRound >= this.#rounds;
  }

  get standing(): Standing | undefined {
    return this.#standing;
  }
}
