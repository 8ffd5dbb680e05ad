import { KernelPool, type PoolExports } from "../numerics/kernel-pool.ts";
import { slotBytes, strideOf } from "./kernels/layout.ts";
import { PlainLearner } from "./plain-learner.ts";
import { WasmLearner } from "./wasm-learner.ts";

/** What a factorization machine has learned. */
export interface Parameters {
  readonly bias: number;
  /** Shape (width). */
  readonly linear: Float32Array;
  /** Shape (width, factors), row-major. */
  readonly factors: Float32Array;
}

/** How one part of the parameters is learned. */
export interface PartRates {
  /** Learning rate. */
  readonly rate: number;
  /** Weight decay. */
  readonly decay: number;
}

/** What is learned, and how. */
export interface LearnerPlan {
  /** Features of a row. */
  readonly width: number;
  /** Length of a feature's factor vector. */
  readonly factors: number;
  readonly loss: "squared" | "logistic";
  readonly bias: PartRates;
  readonly linear: PartRates;
  readonly pairs: PartRates;
  /** Gradients are cut to [-clip, clip]. */
  readonly clip: number;
  readonly epsilon: number;
  /** What summed gradients are multiplied by; undefined for 1 / rows of the mini-batch. */
  readonly scale: number | undefined;
}

/** A mini-batch as compressed sparse rows, and what was found of it. Arrays are replaced when they grow. */
export interface BatchArea {
  /** Row i has entries `offsets[i]` up to `offsets[i + 1]`. */
  readonly offsets: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: Float32Array;
  readonly labels: Float32Array;
  /** The model's answer to each row, before its sigmoid. */
  readonly scores: Float32Array;
  /** Squared error or cross entropy of each row. */
  readonly losses: Float32Array;
}

/** Trains on one mini-batch at a time. */
export interface Learner {
  readonly area: BatchArea;
  /** Makes room for at least so many rows and entries, and keeps what is there. */
  reserve(rows: number, entries: number): void;
  /** Scores the first rows of the area, then makes one step. */
  train(rows: number): void;
  /** Scores them only. */
  score(rows: number): void;
  /** What is learned so far, as a copy. */
  parameters(): Parameters;
  close(): Promise<void>;
}

/** Memory of the kernel that a mini-batch may take besides the parameters. */
const roomForBatches = 512 * 2 ** 20;
const kernelMemory = 4 * 2 ** 30;

/** Bytes that the parameters take while they are learned: each has two moments. */
export function parameterBytes({ width, factors }: Pick<LearnerPlan, "width" | "factors">): number {
  return width * (strideOf(factors) * 4 * 3 + slotBytes);
}

/** Whether the kernel's memory, which ends at 4 GB, has room for the parameters. */
export function fitsKernel(plan: LearnerPlan): boolean {
  return parameterBytes(plan) <= kernelMemory - roomForBatches;
}

/**
 * Opens the WASM kernel on so many threads, or its twin in TypeScript where it was not built or where the parameters
 * exceed its memory.
 */
export async function openLearner(plan: LearnerPlan, start: Parameters, threads: number): Promise<Learner> {
  const pool = fitsKernel(plan)
    ? await KernelPool.open<PoolExports>("factorization-machines.wasm", threads)
    : undefined;
  return pool === undefined ? new PlainLearner(plan, start) : new WasmLearner(pool, plan, start);
}
