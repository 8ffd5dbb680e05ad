import { availableParallelism } from "node:os";
import { RowBatches } from "../formats/stream/row-batches.ts";
import type { TrainingContext } from "../job/algorithm.ts";
import { channelBytes } from "../job/channel-bytes.ts";
import type { Channel, StreamOptions } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { reportEpoch } from "../job/report-epoch.ts";
import { warnOfGpus } from "../job/warn-of-gpus.ts";
import { type RandomStream, randomStream } from "../numerics/random.ts";
import { saveModel } from "./artifact.ts";
import { type Assigner, clearSums, openAssigner, type RowArea } from "./assigner.ts";
import type { KMeansHyperparameters } from "./hyperparameters.ts";
import { initialCentres } from "./initial-centres.ts";
import type { LloydResult } from "./lloyd.ts";
import { RowSample } from "./row-sample.ts";
import { shrink } from "./shrink.ts";
import { StreamingCentres } from "./streaming-centres.ts";

type Job = TrainingContext<KMeansHyperparameters>;

/** The service has no hyperparameter for it: equal jobs give equal models. */
const seed = 0x6b6d6e73;
/** Input that keeps a thread busy for longer than it takes to start. */
const bytesPerThread = 2 * 1024 * 1024;
const mostThreads = 64;

/** Trains k-means: streams rows past more centres than clusters, shrinks those to k, and writes the model. */
export async function fit(job: Job): Promise<void> {
  const { feature_dim: width, k } = job.hyperparameters;
  warnOfGpus(job.log, job.resources);
  const train = job.channels.get("train") as Channel; // required, which was checked
  const cores = Math.min(job.cpus, availableParallelism(), mostThreads);
  const threads = Math.max(1, Math.min(cores, Math.ceil(channelBytes(train) / bytesPerThread)));
  const assigner = await openAssigner({ width, centres: streamingCount(job.hyperparameters) }, threads);
  try {
    const random = randomStream(seed);
    const { streaming, sample, origin } = await streamRows(job, train, assigner, random);
    const { centres, meanSquaredDistance } = await shrink(job, assigner, streaming, sample, random);
    const values = Float32Array.from(centres, (value, i) => value + (origin[i % width] as number));
    await saveModel(job.modelDirectory, { k, width, centres: values });
    if (!sample.isComplete) {
      job.log.info(`train msd is that of a sample of ${sample.points.count} of ${sample.seen} rows.`);
    }
    job.log.qualityMetric({ split: "train", name: "msd", kind: "loss", value: meanSquaredDistance });
    await evaluate(job, assigner, centres, origin);
  } finally {
    await assigner.close();
  }
}

/** Centres while rows stream by. */
function streamingCount({ k, extra_center_factor: factor }: KMeansHyperparameters): number {
  // Some 400 centres, within the range that the service recommends.
  return k * (factor === "auto" ? Math.min(10, Math.max(4, Math.ceil(400 / k))) : factor);
}

function streamOptions({ feature_dim }: KMeansHyperparameters, passes: number): StreamOptions {
  const isOnePass = passes === 1;
  return { labelWidth: 0, defaultContentType: "text/csv", featureDim: feature_dim, isDense: true, isOnePass };
}

interface Streamed {
  readonly streaming: StreamingCentres;
  readonly sample: RowSample;
  readonly origin: Float64Array;
}

async function streamRows(job: Job, train: Channel, assigner: Assigner, random: RandomStream): Promise<Streamed> {
  const { hyperparameters, log, signal } = job;
  const { k, feature_dim: width, epochs, mini_batch_size: size } = hyperparameters;
  // The first mini-batch must have a row for every centre.
  const firstSize = Math.max(size, streamingCount(hyperparameters));
  const area = assigner.area(firstSize);
  const batches = new RowBatches({ values: area.values, stride: assigner.stride, width, capacity: firstSize });
  const sample = new RowSample(assigner, { width, k }, random);
  const stream = train.stream(streamOptions(hyperparameters, epochs));
  let streaming: StreamingCentres | undefined;
  try {
    for (let epoch = 0; epoch < epochs && !signal.aborted; epoch++) {
      const startedAt = Date.now();
      let rows = 0;
      let count = 0;
      for await (const filled of batches.of(stream, train, (batch) => (batch + epoch === 0 ? firstSize : size))) {
        if (filled < size) {
          log.warning(`The mini-batch ${count} has ${filled} rows, fewer than the mini_batch_size of ${size}.`);
        }
        streaming ??= start(hyperparameters, assigner, area, filled, random);
        step(assigner, streaming, area, filled);
        if (epoch === 0) sample.add(area, filled);
        rows += filled;
        count++;
      }
      reportEpoch(log, { epoch, epochs, startedAt, rows, batches: count });
    }
  } catch (error) {
    // Told to stop, with rows enough for a model.
    if (!signal.aborted || streaming === undefined) throw error;
  }
  if (streaming === undefined) throw signal.reason;
  return { streaming, sample, origin: batches.origin };
}

function start(
  hyperparameters: KMeansHyperparameters,
  { stride }: Assigner,
  area: RowArea,
  rows: number,
  random: RandomStream,
): StreamingCentres {
  const { k, feature_dim: width, half_life_time_size, init_method } = hyperparameters;
  if (rows < k) {
    throw new CustomerError(
      `The train channel has ${rows} row(s), fewer than the ${k} clusters that hyperparameter 'k' asks for.`,
    );
  }
  const count = Math.min(rows, streamingCount(hyperparameters));
  const points = { values: area.values, count: rows, width, stride };
  return new StreamingCentres(initialCentres(points, count, init_method, random), width, half_life_time_size);
}

function step(assigner: Assigner, streaming: StreamingCentres, area: RowArea, rows: number): void {
  assigner.use(streaming.centres, streaming.count);
  clearSums(assigner.sums);
  assigner.assignAndSum(area, rows);
  streaming.update(assigner.sums, assigner.stride, rows);
}

async function evaluate(
  job: Job,
  assigner: Assigner,
  centres: LloydResult["centres"],
  origin: Float64Array,
): Promise<void> {
  const { hyperparameters, log, signal } = job;
  const test = job.channels.get("test");
  if (test === undefined || signal.aborted) return;
  const { feature_dim: width, mini_batch_size: capacity } = hyperparameters;
  const area = assigner.area(capacity);
  const batches = new RowBatches({ values: area.values, stride: assigner.stride, width, capacity }, origin);
  assigner.use(centres, hyperparameters.k);
  let ssd = 0;
  let rows = 0;
  const blocks = test.stream(streamOptions(hyperparameters, 1));
  for await (const filled of batches.of(blocks, test, () => capacity)) {
    assigner.assign(area, filled);
    for (let i = 0; i < filled; i++) ssd += area.distances[i] as number;
    rows += filled;
  }
  const values = { msd: ssd / rows, ssd };
  for (const name of hyperparameters.eval_metrics) {
    log.qualityMetric({ split: "test", name, kind: "loss", value: values[name] });
  }
}
