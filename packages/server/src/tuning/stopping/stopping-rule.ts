/** Decides, from the objectives that trials report while they run, which of them are not worth going on with. */
export interface StoppingRule {
  /**
   * Looks at what a running trial has reported.
   * @param curve - Its objectives in the order of its resource (an epoch, a round): the first is at resource 1.
   */
  review(trial: number, curve: readonly number[]): "continue" | "stop";
  /** Takes up what a trial had reported before: nothing is decided about that again. */
  restore(trial: number, curve: readonly number[]): void;
  /** A trial has ended, with all that it reported. */
  end(trial: number, curve: readonly number[]): void;
}
