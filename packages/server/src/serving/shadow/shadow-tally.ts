import type { Agreement } from "../../comparison/agreement.ts";
import type { Distribution } from "../../metrics/distribution.ts";

/** What became of the copies of one shadow variant in some stretch of time. */
export interface ShadowPeriod {
  /** Requests that were to be copied and were not: too many copies were under way, or no instance could take one. */
  readonly dropped: number;
  /** Pairs of good answers. */
  readonly compared: number;
  readonly identical: number;
  readonly agreeing: number;
  /** Pairs whose answers both have classes. */
  readonly labelled: number;
  readonly sameLabels: number;
  /** Mean absolute differences of the numbers of each pair that has the same form. */
  readonly differences: Distribution | undefined;
}

/** Counts what becomes of copies. */
export class ShadowTally {
  dropped = 0;
  #compared = 0;
  #identical = 0;
  #agreeing = 0;
  #labelled = 0;
  #sameLabels = 0;
  #differences: Distribution | undefined;

  compared({ isIdentical, agrees, hasSameLabels, difference }: Agreement): void {
    this.#compared += 1;
    if (isIdentical) this.#identical += 1;
    if (agrees) this.#agreeing += 1;
    if (hasSameLabels !== undefined) this.#labelled += 1;
    if (hasSameLabels === true) this.#sameLabels += 1;
    if (difference === undefined || !Number.isFinite(difference)) return;
    const { count, sum, min, max } = this.#differences ?? none;
    this.#differences = {
      ...{ count: count + 1, sum: sum + difference },
      ...{ min: Math.min(min, difference), max: Math.max(max, difference) },
    };
  }

  /** What came since this was called last. */
  take(): ShadowPeriod {
    const period = {
      dropped: this.dropped,
      compared: this.#compared,
      identical: this.#identical,
      agreeing: this.#agreeing,
      labelled: this.#labelled,
      sameLabels: this.#sameLabels,
      differences: this.#differences,
    };
    this.dropped = 0;
    this.#compared = 0;
    this.#identical = 0;
    this.#agreeing = 0;
    this.#labelled = 0;
    this.#sameLabels = 0;
    this.#differences = undefined;
    return period;
  }
}

const none: Distribution = { count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
