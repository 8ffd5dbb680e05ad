import { availableParallelism } from "node:os";
import { checkFinite } from "../formats/check-finite.ts";
import type { TrainingContext } from "../job/algorithm.ts";
import { channelBytes } from "../job/channel-bytes.ts";
import type { Channel } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { warnOfGpus } from "../job/warn-of-gpus.ts";
import { type RandomStream, randomStream } from "../numerics/random.ts";
import { saveModel } from "./artifact.ts";
import { evaluate } from "./evaluate.ts";
import { type Forest, forestBytes, type Trees } from "./forest.ts";
import { forestInfo } from "./forest-info.ts";
import type { ForestHyperparameters } from "./hyperparameters.ts";
import { checkMemory, mostPoints } from "./memory.ts";
import { openForest } from "./open-forest.ts";
import { reportSampling } from "./report.ts";
import { Reservoir } from "./reservoir.ts";

type Job = TrainingContext<ForestHyperparameters>;

/** The service has no hyperparameter for it: equal jobs give equal models. */
const seed = 0x72636630;
/** Numbers to look at that keep a thread busy for longer than it takes to start. */
const workPerThread = 50_000_000;
const mostThreads = 64;

/** Trains a random cut forest: samples rows as they stream by, grows trees over the sample, and writes the model. */
export async function fit(job: Job): Promise<void> {
  const { hyperparameters, log } = job;
  const { feature_dim: width } = hyperparameters;
  warnOfGpus(log, job.resources);
  const train = job.channels.get("train") as Channel; // required, which was checked
  const capacity = mostPoints(hyperparameters, train);
  checkMemory(hyperparameters, capacity, job.memoryBytes);
  const forest = await openForest(width, threadsFor(job, capacity));
  try {
    const random = randomStream(seed);
    const points = forest.points(capacity);
    const reservoir = new Reservoir(points, forest.stride, random);
    await sample(job, train, reservoir);
    const trees = grow(job, forest, reservoir, random);
    log.info("Random Cut Forest built: ");
    log.info(forestInfo(trees, width, forestBytes(width, trees.order.length)));
    log.info("Master node: Serializing the RandomCutForest model");
    await saveModel(job.modelDirectory, { trees, width, points, stride: forest.stride });
    await evaluate(job, forest);
  } finally {
    await forest.close();
  }
}

/** As many threads as there is work for: the trees of a small forest are grown before another thread has started. */
function threadsFor({ hyperparameters, channels, cpus }: Job, points: number): number {
  const { feature_dim: width, num_trees: trees, num_samples_per_tree: samples } = hyperparameters;
  const test = channels.get("test");
  // A number of a file takes two bytes or more.
  const testRows = test === undefined ? 0 : channelBytes(test) / (2 * width);
  const work = (points + testRows * trees) * 2 * Math.log2(samples + 1) * width;
  return Math.max(1, Math.min(cpus, availableParallelism(), mostThreads, Math.ceil(work / workPerThread)));
}

async function sample(job: Job, train: Channel, reservoir: Reservoir): Promise<void> {
  const { hyperparameters, log, signal } = job;
  log.info("Sampling training data...");
  const startedAt = Date.now();
  const options = {
    labelWidth: 0,
    defaultContentType: "text/csv",
    featureDim: hyperparameters.feature_dim,
    isDense: false,
    isOnePass: true,
  };
  try {
    for await (const { features, firstRow } of train.stream(options)) {
      checkFinite(features, train.name, firstRow);
      reservoir.add(features);
    }
  } catch (error) {
    // Told to stop, with rows enough for a model.
    if (!signal.aborted || reservoir.seen < hyperparameters.num_trees) throw error;
  }
  log.info("Sampling training data completed.");
  reportSampling(job, reservoir, startedAt);
}

/**
 * Deals the sample to the trees at random and grows them. Each tree has the same number of points, so that up to
 * `num_trees - 1` are left over where rows are few.
 */
function grow({ hyperparameters, log }: Job, forest: Forest, reservoir: Reservoir, random: RandomStream): Trees {
  const { num_trees: count, num_samples_per_tree: asked } = hyperparameters;
  const { count: sampled } = reservoir;
  const samples = Math.min(asked, Math.floor(sampled / count));
  if (samples === 0) {
    throw new CustomerError(
      `The train channel has ${sampled} row(s), fewer than the ${count} trees that hyperparameter 'num_trees' asks for: each needs one.`,
    );
  }
  log.info(`${sampled} samples gathered`);
  log.info("Building Random Cut Forest...");
  const trees = forest.plant({ trees: count, samples });
  deal(trees.order, sampled, random);
  forest.grow(Float64Array.from({ length: 2 * count * (samples - 1) }, () => random.uniform()));
  return trees;
}

/** Different numbers below `count`, each order as likely (the beginning of a Fisher-Yates shuffle). */
function deal(target: Int32Array, count: number, random: RandomStream): void {
  const numbers = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = 0; i < target.length; i++) {
    const other = i + Math.floor(random.uniform() * (count - i));
    target[i] = numbers[other] as number;
    numbers[other] = numbers[i] as number;
  }
}
