/** How calls of anomalies agree with labels. */
interface Counts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
}

/**
 * Calls rows anomalies whose score is more than three standard deviations above the mean of all.
 * @param labels - In the same parts as the scores: 1 for an anomaly, else 0.
 */
export function countAbove(scores: readonly Float64Array[], labels: readonly Float32Array[]): Counts {
  const limit = threeSigma(scores);
  let truePositives = 0;
  let falsePositives = 0;
  let falseNegatives = 0;
  let trueNegatives = 0;
  for (const [part, values] of scores.entries()) {
    for (const [i, score] of values.entries()) {
      const isAnomaly = labels[part]?.[i] === 1;
      if (score > limit) {
        if (isAnomaly) truePositives++;
        else falsePositives++;
      } else if (isAnomaly) falseNegatives++;
      else trueNegatives++;
    }
  }
  return { truePositives, falsePositives, falseNegatives, trueNegatives };
}

/** Accuracy, precision, recall and F1 score of the anomalies; 0 where one is a share of nothing. */
export function scoresOf({ truePositives, falsePositives, falseNegatives, trueNegatives }: Counts) {
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
  const all = truePositives + falsePositives + falseNegatives + trueNegatives;
  return {
    accuracy: share(truePositives + trueNegatives, all),
    precision: share(truePositives, truePositives + falsePositives),
    recall: share(truePositives, truePositives + falseNegatives),
    f1: share(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives),
  };
}

/** Mean and three standard deviations, by a pass for each so that neither loses digits. */
function threeSigma(scores: readonly Float64Array[]): number {
  let count = 0;
  let sum = 0;
  for (const values of scores) {
    count += values.length;
    for (const score of values) sum += score;
  }
  const mean = sum / count;
  let squares = 0;
  for (const values of scores) for (const score of values) squares += (score - mean) ** 2;
  return mean + 3 * Math.sqrt(squares / count);
}
