/** What an early-stopping decision remembers; plain data, so that a checkpoint can hold it. */
export interface StoppingState {
  /** Best value so far, and the value that the next improvement is measured against. */
  readonly best: number | undefined;
  readonly reference: number | undefined;
  readonly epochsWithoutImprovement: number;
}

export const startStopping: StoppingState = { best: undefined, reference: undefined, epochsWithoutImprovement: 0 };

export interface StoppingRule {
  readonly patience: number;
  /** Relative improvement that resets the patience. */
  readonly tolerance: number;
  readonly direction: "minimise" | "maximise";
}

/** Takes one epoch's value in. NaN (every model diverged) never improves. */
export function observe(state: StoppingState, value: number, rule: StoppingRule): StoppingState {
  const sign = rule.direction === "minimise" ? -1 : 1;
  const improvesOn = (than: number | undefined, margin: number) =>
    !Number.isNaN(value) && (than === undefined || sign * (value - than) > margin * Math.abs(than));
  const best = improvesOn(state.best, 0) ? value : state.best;
  if (improvesOn(state.reference, rule.tolerance)) return { best, reference: value, epochsWithoutImprovement: 0 };
  return { best, reference: state.reference, epochsWithoutImprovement: state.epochsWithoutImprovement + 1 };
}

/** Whether a value is the best so far up to the tolerance: of such epochs the latest has the most settled weights. */
export function isAsGoodAsBest(state: StoppingState, value: number, rule: StoppingRule): boolean {
  if (state.best === undefined) return false;
  const sign = rule.direction === "minimise" ? -1 : 1;
  return sign * (value - state.best) >= -rule.tolerance * Math.abs(state.best);
}

/** Whether training should end. */
export function isExhausted(state: StoppingState, rule: StoppingRule): boolean {
  return state.epochsWithoutImprovement >= rule.patience;
}
