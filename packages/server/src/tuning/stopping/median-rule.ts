import type { StoppingRule } from "./stopping-rule.ts";

/** Trials that must have ended before any is stopped: a median of fewer says little. */
const leastEnded = 3;

/**
 * Stops a trial whose objective at an epoch is worse than the median of the running averages, up to that epoch, of those
 * trials that came as far (SageMaker's automatic early stopping; Golovin et al. 2017, Google Vizier, section 3.1).
 */
export class MedianRule implements StoppingRule {
  readonly #maximise: boolean;
  /** Running averages by epoch of each trial that ended. */
  readonly #ended = new Map<number, readonly number[]>();
  /** How many epochs of each running trial were looked at. */
  readonly #reviewed = new Map<number, number>();

  constructor(maximise: boolean) {
    this.#maximise = maximise;
  }

  review(trial: number, curve: readonly number[]): "continue" | "stop" {
    const from = this.#reviewed.get(trial) ?? 0;
    this.#reviewed.set(trial, curve.length);
    for (let epoch = from; epoch < curve.length; epoch++) {
      const median = this.#median(epoch);
      const value = curve[epoch] as number;
      if (median !== undefined && (this.#maximise ? value < median : value > median)) return "stop";
    }
    return "continue";
  }

  restore(trial: number, curve: readonly number[]): void {
    this.#reviewed.set(trial, curve.length);
  }

  end(trial: number, curve: readonly number[]): void {
    this.#reviewed.delete(trial);
    let sum = 0;
    this.#ended.set(
      trial,
      curve.map((value, index) => {
        sum += value;
        return sum / (index + 1);
      }),
    );
  }

  #median(epoch: number): number | undefined {
    const averages: number[] = [];
    for (const each of this.#ended.values()) {
      const average = each[epoch];
      if (average !== undefined) averages.push(average);
    }
    if (averages.length < leastEnded) return undefined;
    averages.sort((a, b) => a - b);
    const middle = averages.length >> 1;
    const upper = averages[middle] as number;
    return averages.length % 2 === 1 ? upper : ((averages[middle - 1] as number) + upper) / 2;
  }
}
