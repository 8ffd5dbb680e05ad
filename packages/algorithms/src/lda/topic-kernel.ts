import { KernelPool, type PoolExports } from "../numerics/kernel-pool.ts";
import type { Counts } from "./corpus.ts";
import { PlainTopics } from "./plain-topics.ts";
import { WasmTopics } from "./wasm-topics.ts";

/** Vectors of floats, one for each document or word. */
export interface Vectors {
  /** Shape (lines, stride), row-major; columns from the width on are zero. */
  readonly values: Float32Array;
  /** Floats from one vector to the next: the width, rounded up to a multiple of 4. */
  readonly stride: number;
}

/** How documents' mixtures are inferred. */
export interface Inference {
  /** One vector: pseudo-counts of topics. */
  readonly prior: Vectors;
  readonly iterations: number;
  /** A mixture is done when it changes by no more than this, summed over topics. */
  readonly tolerance: number;
  /** Receives sums of counts times logarithms of the words' probabilities. */
  readonly likelihoods?: Float64Array;
}

/** Counts where a kernel can see them. */
export type Placed = Counts & { readonly placed: true };

/** Work over counts that LDA does at length. Arguments lie in memory that it gave. */
export interface TopicKernel {
  /** Makes zeroed room, which lasts until `close`. @param width - Up to what the kernel was opened for. */
  vectors(lines: number, width: number): Vectors;
  doubles(count: number): Float64Array;
  place(counts: Counts): Placed;
  /** Improves documents' mixtures under topics of words; a column of `topics` adds up to 1. */
  infer(documents: Placed, topics: Vectors, mixtures: Vectors, inference: Inference): void;
  /** Replaces each word's row of topics by its expected counts under the mixtures of documents, plus a prior. */
  collect(words: Placed, mixtures: Vectors, topics: Vectors, prior: Vectors): void;
  /** Writes, for each line, the sum of its counts times the vectors that they belong to. */
  multiply(counts: Placed, input: Vectors, output: Vectors): void;
  close(): Promise<void>;
}

/**
 * Opens the WASM kernel on so many threads, or its twin in TypeScript where it was not built.
 * @param width - Of the widest vectors.
 */
export async function openTopicKernel(width: number, threads: number): Promise<TopicKernel> {
  const pool = await KernelPool.open<PoolExports>("topics.wasm", threads);
  return pool === undefined ? new PlainTopics() : new WasmTopics(pool, width);
}
