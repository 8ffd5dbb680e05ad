/** One step: what happens when the metric is so far beyond its alarm's threshold. */
export interface StepAdjustment {
  /** Relative to the threshold; without it, everything below the upper bound. */
  readonly MetricIntervalLowerBound?: number | undefined;
  readonly MetricIntervalUpperBound?: number | undefined;
  readonly ScalingAdjustment: number;
}

/** How a step policy changes the capacity. */
export interface StepRule {
  readonly AdjustmentType?: string | undefined;
  readonly StepAdjustments?: readonly StepAdjustment[] | undefined;
  readonly MinAdjustmentMagnitude?: number | undefined;
}

/**
 * The capacity that a step policy asks for.
 * @param breach - Metric minus threshold.
 * @param isBelow - Of an alarm that watches for low values: then a step's upper bound belongs to it, otherwise its lower one.
 * @returns `undefined` when no step covers the breach.
 */
export function stepCapacity(
  rule: StepRule,
  current: number,
  breach: number,
  isBelow = breach < 0,
): number | undefined {
  const step = rule.StepAdjustments?.find((each) => covers(each, breach, isBelow));
  if (step === undefined) return undefined;
  const { ScalingAdjustment: adjustment } = step;
  if (rule.AdjustmentType === "ExactCapacity") return Math.max(0, adjustment);
  if (rule.AdjustmentType !== "PercentChangeInCapacity") return Math.max(0, current + adjustment);
  const exact = (current * adjustment) / 100;
  // Less than one becomes one, more is cut: 12.7 is 12, 0.67 is 1, and the same downwards.
  const whole = exact === 0 ? 0 : Math.sign(exact) * Math.max(1, Math.floor(Math.abs(exact)));
  const least = rule.MinAdjustmentMagnitude ?? 0;
  const change = whole !== 0 && Math.abs(whole) < least ? Math.sign(whole) * least : whole;
  return Math.max(0, current + change);
}

function covers(
  { MetricIntervalLowerBound: lower, MetricIntervalUpperBound: upper }: StepAdjustment,
  breach: number,
  isBelow: boolean,
): boolean {
  const from = lower ?? Number.NEGATIVE_INFINITY;
  const to = upper ?? Number.POSITIVE_INFINITY;
  return isBelow ? breach > from && breach <= to : breach >= from && breach < to;
}

/** What is wrong with steps, if anything: they must leave no gap, not overlap, and be open on one side each at most. */
export function stepsProblem(steps: readonly StepAdjustment[]): string | undefined {
  if (
    steps.some((step) => step.MetricIntervalLowerBound === undefined && step.MetricIntervalUpperBound === undefined)
  ) {
    if (steps.length > 1) return "At least one step adjustment interval is unbounded while there are several.";
    return "A step adjustment must have MetricIntervalLowerBound or MetricIntervalUpperBound.";
  }
  const sorted = steps.toSorted((a, b) => lowerOf(a) - lowerOf(b));
  for (const [at, step] of sorted.entries()) {
    if (lowerOf(step) >= upperOf(step)) return "MetricIntervalLowerBound must be less than MetricIntervalUpperBound.";
    const next = sorted[at + 1];
    if (next === undefined) continue;
    if (lowerOf(next) < upperOf(step)) return "Step adjustment intervals can't overlap.";
    if (lowerOf(next) > upperOf(step)) return "Step adjustment intervals can't have gaps between them.";
  }
  return undefined;
}

function lowerOf({ MetricIntervalLowerBound: bound }: StepAdjustment): number {
  return bound ?? Number.NEGATIVE_INFINITY;
}

function upperOf({ MetricIntervalUpperBound: bound }: StepAdjustment): number {
  return bound ?? Number.POSITIVE_INFINITY;
}
