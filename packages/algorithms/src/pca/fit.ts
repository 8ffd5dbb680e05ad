import { availableParallelism, totalmem } from "node:os";
import { RowBatches } from "../formats/stream/row-batches.ts";
import { channelBytes } from "../job/channel-bytes.ts";
import type { Channel } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { reportEpoch } from "../job/report-epoch.ts";
import { warnOfGpus } from "../job/warn-of-gpus.ts";
import { type Blas, openBlas } from "../numerics/blas/blas.ts";
import { saveModel } from "./artifact.ts";
import { type Components, explainedRatio, modelOf } from "./components.ts";
import { evaluate } from "./evaluate.ts";
import type { PcaHyperparameters } from "./hyperparameters.ts";
import { type Job, streamOptions } from "./job.ts";
import { Refinement } from "./refinement.ts";
import { type RowArea, rowArea } from "./row-area.ts";
import { Scatter } from "./scatter.ts";
import { Sketch } from "./sketch.ts";

/** Input that keeps a thread busy for longer than it takes to start. */
const bytesPerThread = 2 * 1024 * 1024;
const mostThreads = 64;
/** Below, products take less time than a library takes to load. */
const wide = 128;

/** Trains PCA: sums up the rows in one pass, or a sketch of them in two, and writes the components. */
export async function fit(job: Job): Promise<void> {
  const { feature_dim: width, num_components: count, subtract_mean } = job.hyperparameters;
  warnOfGpus(job.log, job.resources);
  checkSizes(job);
  const train = job.channels.get("train") as Channel; // required, which was checked
  const cores = Math.min(job.cpus, availableParallelism(), mostThreads);
  const threads = Math.max(1, Math.min(cores, Math.ceil(channelBytes(train) / bytesPerThread)));
  const { blas, refusal } = await openBlas(threads, width >= wide ? job.library : undefined);
  try {
    if (refusal !== undefined) job.log.warning(refusal);
    job.log.info(`Matrix products by ${blas.name}.`);
    const { components, centre } = await findComponents(job, train, blas);
    const kept = keep(components, width, count);
    const model = modelOf(kept, { width, count }, subtract_mean ? centre : undefined);
    await saveModel(job.modelDirectory, model);
    const value = explainedRatio(kept);
    job.log.qualityMetric({ split: "train", name: "explained_variance_ratio", kind: "score", value });
    await evaluate(job, model);
  } finally {
    await blas.close();
  }
}

/** @throws CustomerError where hyperparameters contradict each other or what the run may use. */
function checkSizes({ hyperparameters, memoryBytes = totalmem() }: Job): void {
  const { feature_dim: width, num_components: count, algorithm_mode: mode } = hyperparameters;
  if (count > width) {
    throw new CustomerError(
      `Hyperparameter 'num_components' must be at most 'feature_dim', which is ${width}; it is ${count}.`,
    );
  }
  // The sums in double, the product of a mini-batch, and the matrix whose eigenvectors are looked for.
  const bytes = 20 * width * width;
  if (mode === "regular" && bytes > memoryBytes) {
    const [needed, there] = [bytes, memoryBytes].map((each) => Math.ceil(each / 2 ** 20));
    throw new CustomerError(
      `With ${width} features algorithm_mode 'regular' takes ${needed} MiB, and this instance has ${there} MiB. Please use algorithm_mode 'randomized', or a larger instance type.`,
    );
  }
}

interface Found {
  readonly components: Components;
  /** What rows are measured from. */
  readonly centre: Float64Array;
}

async function findComponents(job: Job, train: Channel, blas: Blas): Promise<Found> {
  const { feature_dim: width, num_components: count, subtract_mean } = job.hyperparameters;
  const isRegular = job.hyperparameters.algorithm_mode === "regular";
  const area = rowArea(blas, width);
  const stream = train.stream(streamOptions(train, width, isRegular));
  const sums = isRegular ? new Scatter(blas, area, count) : new Sketch(blas, area, sketchSize(job.hyperparameters));
  const batches = new RowBatches(area);
  const epochs = isRegular ? 1 : 2;
  const pass = { job, stream, train, capacity: area.capacity, epochs };
  const rows = await passOver({ ...pass, epoch: 0, batches, onRows: (filled) => sums.add(filled, batches.squares) });
  const { origin } = batches;
  const featureSums = sums.featureSums();
  const centre = origin.map((value, j) => (subtract_mean ? value + (featureSums[j] as number) / rows : 0));
  const place = centre.map((value, j) => value - (origin[j] as number));
  const components = sums.components(place, rows);
  if (isRegular || job.signal.aborted) return { components, centre };
  return { components: await refine(pass, { area, blas, components, centre }), centre };
}

function sketchSize({ num_components, extra_components: extra, feature_dim }: PcaHyperparameters): number {
  return Math.min(feature_dim, num_components + (extra === -1 ? Math.max(10, num_components) : extra));
}

interface Pass {
  readonly job: Job;
  readonly stream: ReturnType<Channel["stream"]>;
  readonly train: Channel;
  readonly capacity: number;
  readonly epochs: number;
}

/** @returns The refined components, or those of the sketch when the job is told to stop. */
async function refine(
  pass: Pass,
  { area, blas, components, centre }: Found & { readonly area: RowArea; readonly blas: Blas },
): Promise<Components> {
  const refinement = new Refinement(blas, area, components);
  const batches = new RowBatches(area, centre);
  try {
    await passOver({ ...pass, epoch: 1, batches, onRows: (filled) => refinement.add(filled) });
  } catch (error) {
    if (!pass.job.signal.aborted) throw error;
  }
  return pass.job.signal.aborted ? components : refinement.components();
}

/** Shows all rows of the channel, and reports. @returns How many there were: fewer, but some, when told to stop. */
async function passOver(
  pass: Pass & { readonly epoch: number; readonly batches: RowBatches; readonly onRows: (rows: number) => void },
): Promise<number> {
  const { job, stream, train, capacity, epochs, epoch, batches, onRows } = pass;
  const startedAt = Date.now();
  let rows = 0;
  try {
    for await (const filled of batches.of(stream, train, () => capacity)) {
      onRows(filled);
      rows += filled;
      if (job.signal.aborted) break;
    }
  } catch (error) {
    if (!job.signal.aborted) throw error;
  }
  if (rows === 0) throw job.signal.reason;
  const count = Math.ceil(rows / job.hyperparameters.mini_batch_size);
  reportEpoch(job.log, { epoch, epochs, startedAt, rows, batches: count });
  return rows;
}

/** The strongest components. */
function keep({ values, vectors, total }: Components, width: number, count: number): Components {
  return { values: values.subarray(0, count), vectors: vectors.subarray(0, count * width), total };
}
