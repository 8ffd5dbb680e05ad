import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import type { TrainingContext } from "../job/algorithm.ts";
import { channelBytes } from "../job/channel-bytes.ts";
import type { Channel } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { reportEpoch } from "../job/report-epoch.ts";
import { warnOfGpus } from "../job/warn-of-gpus.ts";
import { openBlas } from "../numerics/blas/blas.ts";
import { type RandomStream, randomStream } from "../numerics/random.ts";
import { saveModel } from "./artifact.ts";
import type { Corpus } from "./corpus.ts";
import type { LdaHyperparameters } from "./hyperparameters.ts";
import { type Moments, momentsOf, type PlacedCorpus } from "./moments.ts";
import { type Estimate, polish, updateAlpha, weightsOf } from "./polish.ts";
import { readCorpus } from "./read-corpus.ts";
import { spectralTopics } from "./spectral.ts";
import { openTopicKernel, type TopicKernel, type Vectors } from "./topic-kernel.ts";
import { readTopics, settled, writeTopics } from "./topics.ts";
import { whiteningWidth } from "./whitening.ts";

type Job = TrainingContext<LdaHyperparameters>;

/** The service has no hyperparameter for it: equal jobs give equal models. */
const seed = 0x6c6461;
/** More topics than are asked for are looked for, as by the service; the rarest are left out. */
const surplus = 1.25;
/** Input that keeps a thread busy for longer than it takes to start. */
const bytesPerThread = 2 * 1024 * 1024;
const mostThreads = 64;

/** Trains LDA: reads the corpus, finds topics in its moments, polishes them, and writes the model. */
export async function fit(job: Job): Promise<void> {
  const { feature_dim: vocabulary, num_topics: count } = job.hyperparameters;
  warnOfGpus(job.log, job.resources);
  if (count > vocabulary) {
    throw new CustomerError(
      `Hyperparameter 'num_topics' must be at most 'feature_dim', which is ${vocabulary}; it is ${count}.`,
    );
  }
  const train = job.channels.get("train") as Channel; // required, which was checked
  const cores = Math.min(job.cpus, availableParallelism(), mostThreads);
  const threads = Math.max(1, Math.min(cores, Math.ceil(channelBytes(train) / bytesPerThread)));
  const corpus = await read(job, train);
  const moments = momentsOf(corpus, vocabulary);
  if (moments.usable === 0) {
    throw new CustomerError(
      "No document of the train channel has three words or more; topics are found in what words come together.",
    );
  }
  const wanted = Math.min(vocabulary, Math.ceil(surplus * count));
  const kernel = await openTopicKernel(whiteningWidth(wanted, vocabulary), threads);
  try {
    const placed = { documents: kernel.place(corpus.documents), words: kernel.place(corpus.words) };
    const random = randomStream(seed);
    const candidates = await findTopics(job, placed, moments, { kernel, threads, wanted, random });
    const estimate = await choose(job, placed, corpus, { kernel, candidates, wanted });
    const rounds = await polish(placed, estimate, { kernel, lengths: corpus.lengths, signal: job.signal });
    job.log.info(`Polished the topics in ${rounds} rounds.`);
    const beta = readTopics(estimate.topics, count);
    const alpha = estimate.alpha.values.slice(0, count);
    await saveModel(job.modelDirectory, { alpha, beta, vocabulary });
    reportLikelihood(job, "train", placed.documents, corpus, { kernel, estimate });
    await evaluate(job, { kernel, estimate });
  } finally {
    await kernel.close();
  }
}

async function read(job: Job, train: Channel): Promise<Corpus> {
  const { feature_dim: vocabulary, mini_batch_size: expected } = job.hyperparameters;
  const startedAt = Date.now();
  const corpus = await readCorpus(train, vocabulary);
  const { lines } = corpus.documents;
  if (lines !== expected) {
    job.log.warning(`mini_batch_size is ${expected}, and the train channel has ${lines} documents: all are used.`);
  }
  reportEpoch(job.log, { epoch: 0, epochs: 1, startedAt, rows: lines, batches: 1 });
  return corpus;
}

interface Search {
  readonly kernel: TopicKernel;
  readonly threads: number;
  readonly wanted: number;
  readonly random: RandomStream;
}

/** @returns As many topics as are wanted, shape (wanted, vocabulary). */
async function findTopics(
  { hyperparameters, log, signal }: Job,
  corpus: PlacedCorpus,
  moments: Moments,
  { kernel, threads, wanted, random }: Search,
): Promise<Float64Array> {
  const { alpha0, max_restarts: maxRestarts, max_iterations: maxIterations, tol: tolerance } = hyperparameters;
  const { blas } = await openBlas(threads, undefined);
  try {
    const limits = { maxRestarts, maxIterations, tolerance, signal };
    const found = await spectralTopics(corpus, moments, { kernel, blas, alpha0, wanted, limits, random });
    const { vocabulary, first } = moments;
    const missing = wanted - found.length / vocabulary;
    log.info(`Found ${wanted - missing} topics in the moments of ${moments.usable} documents.`);
    const topics = new Float64Array(wanted * vocabulary);
    topics.set(found);
    // The corpus has no more directions than that: what is missing begins as the mean of all documents, shaken.
    for (let at = found.length; at < topics.length; at++) {
      topics[at] = (first[at % vocabulary] as number) * Math.exp(random.normal());
    }
    return smoothed(topics, first);
  } finally {
    await blas.close();
  }
}

/** Gives every word that the corpus has a little of each topic: polishing could not bring it back from zero. */
function smoothed(topics: Float64Array, first: Float64Array): Float64Array {
  const vocabulary = first.length;
  for (let from = 0; from < topics.length; from += vocabulary) {
    const topic = topics.subarray(from, from + vocabulary);
    let sum = 0;
    for (const value of topic) sum += value;
    for (let w = 0; w < vocabulary; w++) topic[w] = (0.9 * (topic[w] as number)) / sum + 0.1 * (first[w] as number);
  }
  return topics;
}

/** Of the candidates, keeps the topics that documents have most of. */
async function choose(
  { hyperparameters }: Job,
  { documents }: PlacedCorpus,
  { lengths }: Corpus,
  {
    kernel,
    candidates,
    wanted,
  }: {
    readonly kernel: TopicKernel;
    readonly candidates: Float64Array;
    readonly wanted: number;
  },
): Promise<Estimate> {
  const { num_topics: count, alpha0, feature_dim: vocabulary } = hyperparameters;
  await setImmediate();
  const all = begin(kernel, documents.lines, candidates, wanted, alpha0);
  kernel.infer(documents, all.topics, all.mixtures, { prior: all.alpha, iterations: 20, tolerance: 1e-3 });
  if (count === wanted) {
    updateAlpha(all.alpha, all.mixtures, lengths, count);
    return all;
  }
  const weights = weightsOf(all.mixtures, lengths, wanted);
  const order = Array.from(weights.keys()).sort((a, b) => (weights[b] as number) - (weights[a] as number));
  const kept = new Float64Array(count * vocabulary);
  for (const [to, from] of order.slice(0, count).entries()) {
    kept.set(candidates.subarray(from * vocabulary, (from + 1) * vocabulary), to * vocabulary);
  }
  return begin(kernel, documents.lines, kept, count, alpha0);
}

function begin(kernel: TopicKernel, lines: number, topics: Float64Array, count: number, alpha0: number): Estimate {
  const placed = kernel.vectors(topics.length / count, count);
  writeTopics(topics, count, placed);
  const alpha = kernel.vectors(1, count);
  alpha.values.fill(alpha0 / count, 0, count);
  return { count, topics: placed, mixtures: evenMixtures(kernel, lines, count), alpha };
}

function evenMixtures(kernel: TopicKernel, lines: number, count: number): Vectors {
  const mixtures = kernel.vectors(lines, count);
  const { values, stride } = mixtures;
  for (let d = 0; d < lines; d++) values.fill(1 / count, d * stride, d * stride + count);
  return mixtures;
}

interface Fitted {
  readonly kernel: TopicKernel;
  readonly estimate: Estimate;
}

/** Prints the log likelihood of a channel's words, by mean, under mixtures inferred from the same documents. */
function reportLikelihood(
  { log }: Job,
  split: string,
  documents: PlacedCorpus["documents"],
  { lengths }: Corpus,
  { kernel, estimate }: Fitted,
): void {
  const likelihoods = kernel.doubles(documents.lines);
  const mixtures = evenMixtures(kernel, documents.lines, estimate.count);
  kernel.infer(documents, estimate.topics, mixtures, { ...settled, prior: estimate.alpha, likelihoods });
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  log.qualityMetric({ split, name: "pwll", kind: "score", value: sum(likelihoods) / sum(lengths) });
}

async function evaluate(job: Job, fitted: Fitted): Promise<void> {
  const test = job.channels.get("test");
  if (test === undefined || job.signal.aborted) return;
  const corpus = await readCorpus(test, job.hyperparameters.feature_dim);
  reportLikelihood(job, "test", fitted.kernel.place(corpus.documents), corpus, fitted);
}
