/**
 * The chance that a positive has a higher score than a negative, a tie being half (Hanley and McNeil 1982). Sorts both.
 * @returns NaN where either is empty.
 */
export function areaUnderCurve(positives: Float32Array, negatives: Float32Array): number {
  positives.sort();
  negatives.sort();
  let below = 0;
  let upTo = 0;
  let wins = 0;
  for (const score of positives) {
    while (below < negatives.length && (negatives[below] as number) < score) below++;
    upTo = Math.max(upTo, below);
    while (upTo < negatives.length && (negatives[upTo] as number) <= score) upTo++;
    wins += (below + upTo) / 2;
  }
  return wins / (positives.length * negatives.length);
}
