/** A point of both curves: what comes of taking all rows with at least this score for positive. */
export interface CurvePoint {
  readonly threshold: number;
  readonly truePositives: number;
  readonly falsePositives: number;
}

/** Counts at every distinct score, from the highest down. @param labels - 1 for positive rows, 0 for others. */
export function curvePoints(labels: ArrayLike<number>, scores: ArrayLike<number>): CurvePoint[] {
  const order = Array.from({ length: labels.length }, (_, i) => i);
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number));
  const points: CurvePoint[] = [];
  let truePositives = 0;
  let falsePositives = 0;
  for (let i = 0; i < order.length; i++) {
    const row = order[i] as number;
    if ((labels[row] as number) > 0) truePositives += 1;
    else falsePositives += 1;
    const next = order[i + 1];
    if (next !== undefined && scores[next] === scores[row]) continue;
    points.push({ threshold: scores[row] as number, truePositives, falsePositives });
  }
  return points;
}

/** The area under the receiver operating characteristic by trapezoids; NaN where all rows are of one class. */
export function areaUnderRoc(points: readonly CurvePoint[]): number {
  const last = points.at(-1);
  if (last === undefined || last.truePositives === 0 || last.falsePositives === 0) return Number.NaN;
  let area = 0;
  let before = { truePositives: 0, falsePositives: 0 };
  for (const point of points) {
    area += ((point.falsePositives - before.falsePositives) * (point.truePositives + before.truePositives)) / 2;
    before = point;
  }
  return area / (last.truePositives * last.falsePositives);
}

/** Average precision: precision weighted by what each threshold adds to the recall, as scikit-learn has it. */
export function averagePrecision(points: readonly CurvePoint[]): number {
  const positives = points.at(-1)?.truePositives ?? 0;
  if (positives === 0) return Number.NaN;
  let sum = 0;
  let recalled = 0;
  for (const { truePositives, falsePositives } of points) {
    sum += ((truePositives - recalled) / positives) * (truePositives / (truePositives + falsePositives));
    recalled = truePositives;
  }
  return sum;
}
