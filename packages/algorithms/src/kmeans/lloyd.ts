import { setImmediate } from "node:timers/promises";
import { type Assigner, clearSums, type RowArea } from "./assigner.ts";
import type { Points } from "./initial-centres.ts";

/** Points that lie in an assigner's area. */
export interface PlacedPoints extends Points {
  readonly area: RowArea;
}

export interface LloydOptions {
  readonly maxIterations: number;
  /** Ends when the loss falls by a smaller share than this. */
  readonly tolerance: number;
  /** Ends where it stands. */
  readonly signal: AbortSignal;
  /** Whether nobody asks how good the last centres are, which takes another look at all points. */
  readonly isLossUnasked?: boolean;
}

export interface LloydResult {
  /** Shape (k, width). */
  readonly centres: Float64Array;
  /** Mean squared distance of the points, by weight; where nobody asked, it may be that before the last move. */
  readonly meanSquaredDistance: number;
}

/**
 * Lloyd's algorithm: points go to their nearest centre, centres to the mean of their points. A centre without any takes
 * the point that is worst served.
 * @param start - Shape (k, width); is not changed.
 * @see Lloyd (1982), Least squares quantization in PCM, IEEE Trans. Inf. Theory 28(2).
 */
export async function lloyd(
  assigner: Assigner,
  points: PlacedPoints,
  start: Float64Array,
  { maxIterations, tolerance, signal, isLossUnasked = false }: LloydOptions,
): Promise<LloydResult> {
  const centres = start.slice();
  const k = start.length / points.width;
  let last = Number.POSITIVE_INFINITY;
  for (let iteration = 0; ; iteration++) {
    assigner.use(centres, k);
    clearSums(assigner.sums);
    if (points.weights === undefined) assigner.assignAndSum(points.area, points.count);
    else sumWeighted(assigner, points);
    const meanSquaredDistance = total(assigner.sums.costs) / total(assigner.sums.counts);
    const isSettled = last - meanSquaredDistance <= tolerance * last && iteration > 0;
    if (isSettled || iteration === maxIterations || signal.aborted) return { centres, meanSquaredDistance };
    last = meanSquaredDistance;
    moveToMeans(centres, k, assigner, points);
    if (isLossUnasked && iteration + 1 === maxIterations) return { centres, meanSquaredDistance };
    await setImmediate(); // lets a signal to stop in
  }
}

function sumWeighted(assigner: Assigner, { area, count, weights, width, stride }: PlacedPoints): void {
  const { sums, counts, costs } = assigner.sums;
  assigner.assign(area, count);
  for (let i = 0; i < count; i++) {
    const label = area.labels[i] as number;
    const weight = weights?.[i] ?? 1;
    counts[label] = (counts[label] as number) + weight;
    costs[label] = (costs[label] as number) + weight * (area.distances[i] as number);
    for (let j = 0; j < width; j++) {
      const at = label * stride + j;
      sums[at] = (sums[at] as number) + weight * (area.values[i * stride + j] as number);
    }
  }
}

function moveToMeans(centres: Float64Array, k: number, { sums: { sums, counts } }: Assigner, points: PlacedPoints) {
  const { width, stride, area } = points;
  const taken = new Set<number>();
  for (let c = 0; c < k; c++) {
    const count = counts[c] as number;
    if (count > 0) {
      for (let j = 0; j < width; j++) centres[c * width + j] = (sums[c * stride + j] as number) / count;
      continue;
    }
    const worst = worstServed(points, taken);
    if (worst === undefined) continue;
    taken.add(worst);
    for (let j = 0; j < width; j++) centres[c * width + j] = area.values[worst * stride + j] as number;
  }
}

/** The point that adds most to the loss, among those not taken; undefined where none adds anything. */
function worstServed({ area, count, weights }: PlacedPoints, taken: ReadonlySet<number>): number | undefined {
  let worst: number | undefined;
  let most = 0;
  for (let i = 0; i < count; i++) {
    const cost = (area.distances[i] as number) * (weights?.[i] ?? 1);
    if (cost <= most || taken.has(i)) continue;
    most = cost;
    worst = i;
  }
  return worst;
}

function total(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
