import { setImmediate } from "node:timers/promises";
import type { PlacedCorpus } from "./moments.ts";
import type { TopicKernel, Vectors } from "./topic-kernel.ts";
import { normalizeTopics } from "./topics.ts";

/** Pseudo-count of every word in every topic. */
const wordPrior = 0.02;
/** Iterations of a document's mixture in each round; it goes on from where the last round left it. */
const innerIterations = 4;
const innerTolerance = 1e-3;
const mostRounds = 40;
/** Ends when the log likelihood rises by a smaller share than this. */
const enough = 2e-4;

/** Topics under improvement, and what documents are made of. */
export interface Estimate {
  readonly count: number;
  /** For each word. */
  readonly topics: Vectors;
  /** For each document. */
  readonly mixtures: Vectors;
  /** One vector, adds up to alpha0. */
  readonly alpha: Vectors;
}

/** Polishes topics by expectation maximisation: mixtures under topics, then topics under mixtures. @returns Rounds. */
export async function polish(
  { documents, words }: PlacedCorpus,
  { count, topics, mixtures, alpha }: Estimate,
  {
    kernel,
    lengths,
    signal,
  }: {
    readonly kernel: TopicKernel;
    readonly lengths: Float64Array;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  const likelihoods = kernel.doubles(documents.lines);
  const smoothing = kernel.vectors(1, count);
  smoothing.values.fill(wordPrior);
  let before = Number.NEGATIVE_INFINITY;
  for (let round = 0; round < mostRounds; round++) {
    await setImmediate(); // a signal to stop comes in here
    if (signal.aborted) return round;
    const inference = { prior: alpha, iterations: innerIterations, tolerance: innerTolerance, likelihoods };
    kernel.infer(documents, topics, mixtures, inference);
    kernel.collect(words, mixtures, topics, smoothing);
    normalizeTopics(topics, count);
    updateAlpha(alpha, mixtures, lengths, count);
    const likelihood = likelihoods.reduce((sum, value) => sum + value, 0);
    if (likelihood - before <= enough * Math.abs(likelihood)) return round + 1;
    before = likelihood;
  }
  return mostRounds;
}

/** Shares alpha0 out as documents have topics on average. */
export function updateAlpha(alpha: Vectors, mixtures: Vectors, lengths: Float64Array, count: number): void {
  const total = alpha.values.reduce((sum, value) => sum + value, 0);
  const weights = weightsOf(mixtures, lengths, count);
  const sum = weights.reduce((all, value) => all + value, 0);
  // No topic dies out for good: a hundredth of an even share is left to each.
  for (let k = 0; k < count; k++) {
    const share = sum > 0 ? (weights[k] as number) / sum : 1 / count;
    alpha.values[k] = total * (0.99 * share + 0.01 / count);
  }
}

/** How much of the documents that have words is each topic. */
export function weightsOf({ values, stride }: Vectors, lengths: Float64Array, count: number): Float64Array {
  const weights = new Float64Array(count);
  for (let d = 0; d < lengths.length; d++) {
    if (lengths[d] === 0) continue;
    for (let k = 0; k < count; k++) weights[k] = (weights[k] as number) + (values[d * stride + k] as number);
  }
  return weights;
}
