/** How neighbours' labels become one. */
export type PredictorType = "classifier" | "regressor";

/**
 * The most frequent of some labels, of equally frequent ones that of the nearest neighbour.
 * @param labels - Labels by distance, nearest first.
 */
export function mostFrequent(labels: Float32Array): number {
  const counts = new Map<number, number>();
  let best = Number.NaN;
  let most = 0;
  for (const label of labels) {
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  // A map keeps the order in which its keys came: nearest first.
  for (const [label, count] of counts) {
    if (count <= most) continue;
    most = count;
    best = label;
  }
  return best;
}

/** The mean of some labels. */
export function meanOf(labels: Float32Array): number {
  let sum = 0;
  for (const label of labels) sum += label;
  return sum / labels.length;
}
