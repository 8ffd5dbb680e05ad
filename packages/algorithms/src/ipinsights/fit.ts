import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import type { TrainingContext } from "../job/algorithm.ts";
import { channelBytes } from "../job/channel-bytes.ts";
import type { Channel } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { warnOfGpus } from "../job/warn-of-gpus.ts";
import { type RandomStream, randomStream } from "../numerics/random.ts";
import { saveModel } from "./artifact.ts";
import { EntityTable } from "./entity-table.ts";
import type { IpInsightsHyperparameters } from "./hyperparameters.ts";
import { initialise } from "./initialise.ts";
import { checkMemory } from "./memory.ts";
import type { Network, NetworkShape } from "./network.ts";
import { openNetwork } from "./open-network.ts";
import { openPairs, type PairBatch } from "./pair-batches.ts";
import { EpochReport } from "./report.ts";
import { discriminatorAuc } from "./validation.ts";

type Job = TrainingContext<IpInsightsHyperparameters>;

/** The service has no hyperparameter for it: equal jobs give equal models. */
const seed = 0x69706970;
/** Input that keeps a thread busy for longer than it takes to start. */
const bytesPerThread = 256 * 1024;
const mostThreads = 64;

/** Learns vectors of entities and an encoder of addresses, so that real pairs have a larger product than made-up ones. */
export async function fit(job: Job): Promise<void> {
  const { hyperparameters, channels, log, signal } = job;
  const { epochs, num_entity_vectors: count, mini_batch_size: size } = hyperparameters;
  warnOfGpus(log, job.resources);
  checkRates(hyperparameters);
  const shape = shapeOf(hyperparameters);
  checkMemory(hyperparameters, shape, job.memoryBytes);
  const train = channels.get("train") as Channel; // required, which was checked
  const validation = channels.get("validation");
  const cores = Math.min(job.cpus, availableParallelism(), mostThreads);
  const threads = Math.max(1, Math.min(cores, Math.ceil(channelBytes(train) / bytesPerThread)));
  const network = await openNetwork(shape, threads);
  try {
    const random = randomStream(seed);
    initialise(network.weights, shape, random);
    const entities = new EntityTable(count, network.stride);
    const options = { numEntityVectors: count, miniBatchSize: size };
    const pairs = openPairs(train, { ...options, isOnePass: epochs === 1 });
    const held = validation && openPairs(validation, { ...options, isOnePass: epochs === 1 });
    const learner = new Learner(job, network, entities, random);
    try {
      for (let epoch = 0; epoch < epochs && !signal.aborted; epoch++) {
        await learner.learn(pairs(), epoch);
        if (held === undefined || signal.aborted) continue;
        network.prepare();
        const value = await discriminatorAuc(held(), network, entities);
        log.qualityMetric({ epoch, split: "validation", name: "discriminator_auc", kind: "score", value });
      }
    } catch (error) {
      // Told to stop, with a model of what was learned so far.
      if (!signal.aborted || learner.steps === 0) throw error;
    }
    if (learner.steps === 0) throw signal.reason;
    await saveModel(job.modelDirectory, { shape, weights: network.weights, entities });
  } finally {
    await network.close();
  }
}

/** @throws CustomerError when there would be nothing to tell real pairs from, or too much. */
function checkRates({
  random_negative_sampling_rate: randoms,
  shuffled_negative_sampling_rate: shuffles,
}: IpInsightsHyperparameters): void {
  if (randoms + shuffles >= 1 && randoms + shuffles <= 500) return;
  throw new CustomerError(
    `random_negative_sampling_rate and shuffled_negative_sampling_rate must add up to a number from 1 to 500; they are ${randoms} and ${shuffles}.`,
  );
}

function shapeOf(hyperparameters: IpInsightsHyperparameters): NetworkShape {
  return {
    vectorDim: hyperparameters.vector_dim,
    layers: hyperparameters.num_ip_encoder_layers,
    randoms: hyperparameters.random_negative_sampling_rate,
    shuffles: hyperparameters.shuffled_negative_sampling_rate,
    rows: hyperparameters.mini_batch_size,
  };
}

/** Goes through mini-batches. */
class Learner {
  /** Steps of Adam so far. */
  steps = 0;
  readonly #job: Job;
  readonly #network: Network;
  readonly #entities: EntityTable;
  readonly #random: RandomStream;

  constructor(job: Job, network: Network, entities: EntityTable, random: RandomStream) {
    this.#job = job;
    this.#network = network;
    this.#entities = entities;
    this.#random = random;
  }

  /** One pass. */
  async learn(batches: AsyncIterable<PairBatch>, epoch: number): Promise<void> {
    const { hyperparameters, log, signal } = this.#job;
    const report = new EpochReport(log, epoch, hyperparameters);
    for await (const batch of batches) {
      report.add(this.#step(batch));
      await setImmediate(); // lets a signal to stop in
      if (signal.aborted) return;
    }
    if (report.rows === 0) throw new CustomerError("The train channel has no rows: all of its files are empty.");
    report.end();
  }

  #step({ entities, addresses }: PairBatch) {
    const { batch } = this.#network;
    const { hyperparameters } = this.#job;
    const rows = entities.length;
    const randoms = hyperparameters.random_negative_sampling_rate;
    // A row alone has no other row to take an address from.
    const shuffles = rows === 1 ? 0 : hyperparameters.shuffled_negative_sampling_rate;
    const unique = this.#entities.stage(entities, batch);
    batch.addresses.set(addresses);
    for (let i = rows; i < rows * (1 + randoms); i++) batch.addresses[i] = this.#random.uniform() * 2 ** 32;
    for (let s = 0; s < shuffles; s++) batch.offsets[s] = 1 + Math.floor(this.#random.uniform() * (rows - 1));
    const { learning_rate: rate, weight_decay: decay } = hyperparameters;
    this.#network.train({ rows, entities: unique, randoms, shuffles }, { rate, decay, step: ++this.steps });
    this.#entities.settle(batch);
    let loss = 0;
    let hits = 0;
    for (let i = 0; i < rows; i++) {
      loss += batch.losses[i] as number;
      hits += batch.hits[i] as number;
    }
    return { rows, pairs: rows * (1 + randoms + shuffles), loss, hits };
  }
}
