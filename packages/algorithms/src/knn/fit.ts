import { availableParallelism } from "node:os";
import { checkFinite } from "../formats/check-finite.ts";
import type { DenseRows, Table } from "../formats/rows.ts";
import type { RowBlock } from "../formats/stream/row-block.ts";
import type { TrainingContext } from "../job/algorithm.ts";
import { channelBytes } from "../job/channel-bytes.ts";
import type { Channel, StreamOptions } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { reportEpoch } from "../job/report-epoch.ts";
import { warnOfGpus } from "../job/warn-of-gpus.ts";
import { type RandomStream, randomStream } from "../numerics/random.ts";
import { type KnnModel, saveModel } from "./artifact.ts";
import type { KnnHyperparameters } from "./hyperparameters.ts";
import { buildIndex } from "./index/build-index.ts";
import { ordinaryMemory } from "./index/row-store.ts";
import { NeighbourPredictor } from "./predictor.ts";
import { type Preparation, RowPreparer } from "./prepare-rows.ts";
import { qualityMeter, reportQualities } from "./quality.ts";
import { Reservoir } from "./reservoir.ts";
import { openScanner } from "./search/open-scanner.ts";
import type { Scanner } from "./search/scanner.ts";
import { checkTarget, type Settings, settingsOf } from "./settings.ts";

type Job = TrainingContext<KnnHyperparameters>;

/** The service has no hyperparameter for it: equal jobs give equal models. */
const seed = 0x6b6e6e;
/** Input that keeps a thread busy for longer than it takes to start. */
const bytesPerThread = 2 * 1024 * 1024;
const mostThreads = 64;
/** Held-out rows that are searched together, unless they are so wide that they would take more than this. */
const mostBatchRows = 4096;
const batchBytes = 16 * 1024 * 1024;

/** Trains k-nearest neighbours: samples rows as they stream by, builds the index, writes it, and scores held-out rows. */
export async function fit(job: Job): Promise<void> {
  const { hyperparameters, log, channels } = job;
  const settings = settingsOf(hyperparameters, log);
  warnOfGpus(log, job.resources);
  const train = channels.get("train") as Channel; // required, which was checked
  const input = [train, channels.get("test")].reduce((sum, channel) => sum + (channel ? channelBytes(channel) : 0), 0);
  const cores = Math.min(job.cpus, availableParallelism(), mostThreads);
  const threads = Math.max(1, Math.min(cores, Math.ceil(input / bytesPerThread)));
  // Only a flat index makes one large product of queries and rows.
  const isProduct = settings.index.type === "faiss.Flat" && channels.has("test");
  const opening = openScanner(threads, isProduct ? job.library : undefined); // its threads start while rows are read
  opening.catch(() => undefined); // whoever awaits it is told
  try {
    const random = randomStream(seed);
    const sampled = await sampleRows(job, settings, opening, random);
    const { scanner, refusal } = await opening;
    if (refusal !== undefined) log.warning(refusal);
    const model = await index(job, settings, sampled, scanner, { threads, random });
    const { durable } = await saveModel(job.modelDirectory, model);
    await Promise.all([durable, evaluate(job, model, scanner)]);
  } finally {
    await (await opening).scanner.close();
  }
}

function streamOptions(featureDim: number | undefined): StreamOptions {
  const rest = { labelWidth: 1, defaultContentType: "text/csv", isDense: true, isOnePass: true };
  return featureDim === undefined ? rest : { ...rest, featureDim };
}

interface Sampled {
  readonly preparation: Preparation;
  readonly reservoir: Reservoir;
}

async function sampleRows(
  job: Job,
  settings: Settings,
  opening: ReturnType<typeof openScanner>,
  random: RandomStream,
): Promise<Sampled> {
  const { hyperparameters, log, signal } = job;
  const { feature_dim, mini_batch_size: batch, sample_size: capacity, k } = hyperparameters;
  const train = job.channels.get("train") as Channel;
  const startedAt = Date.now();
  let sampled: Sampled | undefined;
  try {
    for await (const block of train.stream(streamOptions(feature_dim === "auto" ? undefined : feature_dim))) {
      checkBlock(block, train);
      sampled ??= begin(job, settings, block.features.width, (await opening).scanner, random);
      sampled.reservoir.add(block.features, block.labels);
    }
  } catch (error) {
    // Told to stop, with rows enough for a model.
    if (!signal.aborted || sampled === undefined || sampled.reservoir.count < k) throw error;
  }
  if (sampled === undefined) throw signal.reason;
  const { seen, count } = sampled.reservoir;
  if (count < k) {
    throw new CustomerError(
      `The train channel has ${count} row(s), fewer than the ${k} neighbours that hyperparameter 'k' asks for.`,
    );
  }
  reportEpoch(log, { epoch: 0, epochs: 1, startedAt, rows: seen, batches: Math.ceil(seen / batch) });
  log.info(`Got reservoir sample: data=(${count}, ${sampled.preparation.width}), labels=(${count},), seen=${seen}`);
  if (count < capacity) log.info(`The sample has all ${count} rows: sample_size is ${capacity}.`);
  return sampled;
}

/** @throws CustomerError naming the first row without a label, or with a value that is not finite. */
function checkBlock({ features, labels, labelWidth, firstRow }: RowBlock, { name }: Channel): void {
  if (labelWidth !== 1) {
    throw new CustomerError(`The ${name} channel has ${labelWidth} labels per row; knn needs one: label_size=1.`);
  }
  checkFinite(features, name, firstRow);
  const at = labels.findIndex((label) => !Number.isFinite(label));
  if (at < 0) return;
  throw new CustomerError(
    `Label of row ${firstRow + at + 1} of the ${name} channel is ${labels[at]}; expected a finite number.`,
  );
}

/** Knows what becomes of rows now that their width is known. */
function begin(job: Job, settings: Settings, inputWidth: number, scanner: Scanner, random: RandomStream): Sampled {
  const { hyperparameters, log, memoryBytes } = job;
  checkTarget(settings, inputWidth);
  const preparation = preparationOf(hyperparameters, settings, inputWidth);
  const { width, reduction } = preparation;
  const wanted = reduction?.target ?? inputWidth;
  if (width !== wanted) {
    log.info(`Rows of ${wanted} features are filled up to ${width}, a multiple of faiss_index_pq_m.`);
  }
  const capacity = hyperparameters.sample_size;
  const megabytes = (capacity * width * 4) / 2 ** 20;
  if (memoryBytes !== undefined) log.info(`memory available: ${Math.floor(memoryBytes / 2 ** 20)} MB`);
  if (memoryBytes !== undefined && megabytes > memoryBytes / 2 ** 21) {
    log.warning(
      `A sample of ${capacity} rows of ${width} features takes ${Math.ceil(megabytes)} MB, more than half of the memory.`,
    );
  }
  // A flat index is searched where it was sampled; others are put in the order of their lists first.
  const memory = settings.index.type === "faiss.Flat" ? scanner : ordinaryMemory;
  const preparer = new RowPreparer(preparation, scanner);
  return { preparation, reservoir: new Reservoir(memory, { width, capacity }, { random, preparer }) };
}

function preparationOf({ index_metric }: KnnHyperparameters, settings: Settings, inputWidth: number): Preparation {
  const { reduction: plan, index } = settings;
  const parts = index.type === "faiss.IVFPQ" ? index.parts : 1;
  const wanted = plan?.target ?? inputWidth;
  const width = Math.ceil(wanted / parts) * parts;
  // A projection gives as many features as a product quantizer wants, unless it would add some.
  const target = width < inputWidth ? width : wanted;
  const reduction = plan === undefined ? undefined : { type: plan.type, seed, inputWidth, target };
  return { inputWidth, width, reduction, normalize: index_metric === "COSINE" };
}

async function index(
  { hyperparameters, log, signal }: Job,
  settings: Settings,
  { preparation, reservoir }: Sampled,
  scanner: Scanner,
  tools: { readonly threads: number; readonly random: RandomStream },
): Promise<KnnModel> {
  const startedAt = Date.now();
  log.info("Training index...");
  const metric = hyperparameters.index_metric === "L2" ? "L2" : "INNER_PRODUCT";
  const source = { rows: reservoir.rows, width: preparation.width, metric } as const;
  const built = await buildIndex(settings.index, source, scanner, { ...tools, signal });
  const millis = Date.now() - startedAt;
  log.info(`...Finished training index in ${Math.round(millis / 1000)} second(s)`);
  log.info(`Index built in ${millis} ms.`);
  const { k, predictor_type: predictorType } = hyperparameters;
  return { k, predictorType, preparation, index: built, labels: reservoir.labels };
}

async function evaluate({ channels, hyperparameters, log, signal }: Job, model: KnnModel, scanner: Scanner) {
  const test = channels.get("test");
  if (test === undefined || signal.aborted) return;
  log.info(`Matrix products by ${scanner.kind}.`);
  const predictor = new NeighbourPredictor(model, scanner);
  const meter = qualityMeter(hyperparameters.predictor_type);
  let searched = 0;
  let rows = 0;
  for await (const { features, labels } of batches(test, model.preparation.inputWidth)) {
    const startedAt = performance.now();
    const found = predictor.find(features);
    searched += performance.now() - startedAt;
    meter.add(predictor.predict(found), labels);
    rows += features.count;
  }
  log.info(`${rows} rows of the test channel were searched in ${searched.toFixed(1)} ms.`);
  reportQualities(log, meter);
}

/** Held-out rows, some thousands at a time: searched together they share what is read of the index. */
async function* batches(test: Channel, width: number): AsyncGenerator<Pick<Table, "labels"> & { features: DenseRows }> {
  const batchRows = Math.max(1, Math.min(mostBatchRows, Math.floor(batchBytes / (4 * width))));
  const values = new Float32Array(batchRows * width);
  const labels = new Float32Array(batchRows);
  const batch = (count: number) => ({
    features: { kind: "dense" as const, count, width, values: values.subarray(0, count * width) },
    labels: labels.subarray(0, count),
  });
  let filled = 0;
  for await (const block of test.stream(streamOptions(width))) {
    checkBlock(block, test);
    const { features } = block;
    for (let first = 0; first < features.count; ) {
      const count = Math.min(batchRows - filled, features.count - first);
      values.set(features.values.subarray(first * width, (first + count) * width), filled * width);
      labels.set(block.labels.subarray(first, first + count), filled);
      first += count;
      filled += count;
      if (filled < batchRows) continue;
      yield batch(filled);
      filled = 0;
    }
  }
  if (filled > 0) yield batch(filled);
}
