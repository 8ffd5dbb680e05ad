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
/** Sampled rows that centres are looked for among, to compare with the streamed ones, and how often. */
const fewestThinned = 2000;
const thinnedPerCluster = 20;
const sampleTrials = 3;
const sampleIterations = 10;
/** What makes a difference: less is left to the refinement. */
const clearlyBetter = 0.99;

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
  const { points: rows } = sample;
  if (!sample.isComplete && rows.count < fewestRowsPerCluster * k) {
    return await lloyd(assigner, rows, best.centres, { ...limits, maxIterations: 0 });
  }
  const start = await betterOf(job, assigner, best.centres, rows, random);
  return await lloyd(assigner, rows, start, { maxIterations: mostRefinements, tolerance, signal });
}

/**
 * The streamed centres, unless centres found among sampled rows alone serve the sample clearly better. They do where rows
 * come in the order of their clusters: then the first mini-batch, where all centres begin, has seen one of them.
 */
async function betterOf(
  { hyperparameters, log, signal }: TrainingContext<KMeansHyperparameters>,
  assigner: Assigner,
  streamed: Float64Array,
  rows: PlacedPoints,
  random: RandomStream,
): Promise<Float64Array> {
  const { k, local_lloyd_tol: tolerance } = hyperparameters;
  const some = thinned(assigner, rows, Math.max(fewestThinned, thinnedPerCluster * k));
  const measure = async (centres: Float64Array) =>
    await lloyd(assigner, rows, centres, { maxIterations: 0, tolerance, signal });
  let best = await measure(streamed);
  const needed = best.meanSquaredDistance * clearlyBetter;
  for (let trial = 0; trial < sampleTrials && !signal.aborted; trial++) {
    const start = initialCentres(some, k, "kmeans++", random);
    const { centres } = await lloyd(assigner, some, start, { maxIterations: sampleIterations, tolerance, signal });
    const result = await measure(centres);
    if (result.meanSquaredDistance < Math.min(needed, best.meanSquaredDistance)) best = result;
    if (best.meanSquaredDistance >= needed) break; // one look is enough where the streamed centres are good
  }
  if (best.meanSquaredDistance < needed) {
    log.info("Centers of sampled rows serve better than the streamed ones: rows seem to come in an order.");
  }
  return best.centres;
}

/** About so many of the points, at even distances. */
function thinned(assigner: Assigner, points: PlacedPoints, wanted: number): PlacedPoints {
  const { count, width, stride } = points;
  if (count <= wanted) return points;
  const area = assigner.area(wanted);
  for (let i = 0; i < wanted; i++) {
    const from = Math.floor((i * count) / wanted) * stride;
    for (let j = 0; j < width; j++) area.values[i * stride + j] = points.values[from + j] as number;
  }
  return { area, values: area.values, count: wanted, width, stride };
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
