import type { SelectionCriterion } from "./settings.ts";

/** What a threshold is chosen for. */
export interface CalibrationGoal {
  readonly criterion: SelectionCriterion;
  readonly beta: number;
  readonly targetRecall: number;
  readonly targetPrecision: number;
}

/** Outcome of thresholding: rows counted by label and decision. */
export interface Confusion {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
}

export interface Calibration {
  /** Rows with a score of at least this are labelled 1. In the space of the scores given. */
  readonly threshold: number;
  /** Value of the criterion there, larger is better; -Infinity where its target cannot be met. */
  readonly value: number;
}

/** TP / (TP + FP); 0 when nothing was labelled 1. */
export const precisionOf = (c: Confusion): number => ratio(c.truePositives, c.truePositives + c.falsePositives);
/** TP / (TP + FN); 0 when there is no positive row. */
export const recallOf = (c: Confusion): number => ratio(c.truePositives, c.truePositives + c.falseNegatives);
/** (TP + TN) / rows. */
export const accuracyOf = (c: Confusion): number =>
  ratio(c.truePositives + c.trueNegatives, c.truePositives + c.trueNegatives + c.falsePositives + c.falseNegatives);
/** (1 + b^2) P R / (b^2 P + R), by counts. */
export function fBetaOf(c: Confusion, beta: number): number {
  const b2 = beta * beta;
  return ratio((1 + b2) * c.truePositives, (1 + b2) * c.truePositives + b2 * c.falseNegatives + c.falsePositives);
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/**
 * Chooses the threshold that is best for a goal. Scores are linear scores, where 0 is even odds; of equally good
 * thresholds the one nearest to 0 wins. Without a target that can be met, the threshold comes as near to it as it can.
 * @param labels - 0 or 1 per score. Rows with a NaN score are left out.
 */
export function calibrate(scores: Float32Array, labels: Float32Array, goal: CalibrationGoal): Calibration {
  const positives = sortedScores(scores, labels, 1);
  const negatives = sortedScores(scores, labels, 0);
  let best: Calibration = { threshold: 0, value: -Infinity };
  let bestWorth = -Infinity;
  let p = 0;
  let n = 0;
  let below = -Infinity;
  // Every distinct way to cut, from "all rows are 1" to "none is"; p and n rows lie below the cut.
  for (;;) {
    const next = Math.min(positives[p] ?? Infinity, negatives[n] ?? Infinity);
    const threshold = between(below, next);
    const worth = worthOf(confusionAt(positives, negatives, p, n), goal);
    if (worth > bestWorth || (worth === bestWorth && Math.abs(threshold) < Math.abs(best.threshold))) {
      bestWorth = worth;
      best = { threshold, value: worth <= UNMET ? -Infinity : worth };
    }
    if (next === Infinity) break;
    while (positives[p] === next) p++;
    while (negatives[n] === next) n++;
    below = next;
  }
  if (goal.criterion === "loss_function") return { threshold: 0, value: best.value };
  return best;
}

function sortedScores(scores: Float32Array, labels: Float32Array, label: 0 | 1): Float32Array {
  const own = new Float32Array(scores.length);
  let count = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    if (labels[i] === label && !Number.isNaN(score)) own[count++] = score;
  }
  return own.subarray(0, count).sort();
}

/** A threshold in (low, high]: 0 where it lies there, else halfway. */
function between(low: number, high: number): number {
  if (low < 0 && high >= 0) return 0;
  if (low === -Infinity) return high;
  if (high === Infinity) return nextAbove(low);
  const middle = Math.fround(low + (high - low) / 2);
  return middle > low ? middle : high;
}

function nextAbove(value: number): number {
  return value + Math.max(Math.abs(value) * 1e-6, 1e-30);
}

function confusionAt(positives: Float32Array, negatives: Float32Array, p: number, n: number): Confusion {
  return {
    truePositives: positives.length - p,
    falseNegatives: p,
    falsePositives: negatives.length - n,
    trueNegatives: n,
  };
}

/** Worths at or below this mean that a target was missed; nearer misses are larger. */
const UNMET = -1;

function worthOf(c: Confusion, goal: CalibrationGoal): number {
  switch (goal.criterion) {
    case "accuracy":
    case "loss_function":
      return accuracyOf(c);
    case "f_beta":
      return fBetaOf(c, goal.beta);
    case "precision_at_target_recall":
      return recallOf(c) >= goal.targetRecall ? precisionOf(c) : recallOf(c) - 2;
    case "recall_at_target_precision":
      return precisionOf(c) >= goal.targetPrecision ? recallOf(c) : precisionOf(c) - 2;
  }
}
