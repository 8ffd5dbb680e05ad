import type { TrainingContext } from "../job/algorithm.ts";
import type { RandomStream } from "../numerics/random.ts";
import type { Assigner } from "./assigner.ts";
import type { KMeansHyperparameters } from "./hyperparameters.ts";
import { initialCentres } from "./initial-centres.ts";
import { type LloydResult, lloyd, type PlacedPoints } from "./lloyd.ts";
import type { RowSample } from "./row-sample.ts";
import type { StreamingCentres } from "./streaming-centres.ts";

/** What `auto` stands for in `local_lloyd_num_trials`. */
const autoTrials = 10;
/** A sample that is not everything must have so many rows for each cluster, or its means are worse than the stream's. */
const fewestRowsPerCluster = 200;
/** Iterations over the sample: they begin near the end. */
const mostRefinements = 20;

/**
 * Makes k centres of the many that the stream left: several runs of Lloyd's algorithm over them, by their weights, of
 * which the best is kept, and then over a sample of the rows themselves.
 */
export async function shrink(
  job: TrainingContext<KMeansHyperparameters>,
  assigner: Assigner,
  streaming: StreamingCentres,
  sample: RowSample,
  random: RandomStream,
): Promise<LloydResult> {
  const { hyperparameters, log, signal } = job;
  const { k, local_lloyd_init_method, local_lloyd_num_trials, local_lloyd_tol: tolerance } = hyperparameters;
  const points = weightedPoints(assigner, streaming, sample, k);
  const trials = local_lloyd_num_trials === "auto" ? autoTrials : local_lloyd_num_trials;
  const limits = { maxIterations: hyperparameters.local_lloyd_max_iter, tolerance, signal };
  log.info(`shrinking ${streaming.count} centers into ${k}`);
  let best: LloydResult | undefined;
  for (let trial = 0; trial < trials && (best === undefined || !signal.aborted); trial++) {
    const start = initialCentres(points, k, local_lloyd_init_method, random);
    const result = await lloyd(assigner, points, start, limits);
    log.info(`local kmeans attempt #${trial}. Current mean square distance ${result.meanSquaredDistance}`);
    if (best === undefined || result.meanSquaredDistance < best.meanSquaredDistance) best = result;
  }
  if (best === undefined) throw new Error("there was no attempt");
  log.info(`finished shrinking process. Mean Square Distance = ${best.meanSquaredDistance}`);
  return await refine(assigner, best, sample, { k, tolerance, signal });
}

async function refine(
  assigner: Assigner,
  best: LloydResult,
  sample: RowSample,
  { k, ...limits }: { readonly k: number; readonly tolerance: number; readonly signal: AbortSignal },
): Promise<LloydResult> {
  const { points } = sample;
  const isWorthwhile = sample.isComplete || points.count >= fewestRowsPerCluster * k;
  const maxIterations = isWorthwhile ? mostRefinements : 0;
  return await lloyd(assigner, points, best.centres, { ...limits, maxIterations });
}

/** The centres that stand for rows, or rows where too few of them do. */
function weightedPoints(
  assigner: Assigner,
  { centres, weights, count, width }: StreamingCentres,
  sample: RowSample,
  k: number,
): PlacedPoints {
  const live = Array.from({ length: count }, (_, c) => c).filter((c) => (weights[c] as number) > 0);
  if (live.length < k) return sample.points;
  const { stride } = assigner;
  const area = assigner.area(live.length);
  for (const [i, c] of live.entries()) {
    for (let j = 0; j < width; j++) area.values[i * stride + j] = centres[c * width + j] as number;
  }
  const own = Float64Array.from(live, (c) => weights[c] as number);
  return { area, values: area.values, count: live.length, width, stride, weights: own };
}
