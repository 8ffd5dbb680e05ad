import { availableParallelism } from "node:os";
import { KernelPool } from "../numerics/kernel-pool.ts";
import type { LinearKernels } from "./kernels/exports.ts";
import type { Pool } from "./kernels/parameter-block.ts";
import type { Learner, LearnerPlan, LearnerState } from "./learner.ts";
import { blockRows } from "./learner.ts";
import type { PlacedRows } from "./placed-rows.ts";
import { placeSparse, SparseRoom, sparseBytes } from "./placed-rows.ts";
import { PlainLearner } from "./plain-learner.ts";
import { SparseLearner } from "./sparse-learner.ts";
import type { Split } from "./split.ts";
import type { StagedRows } from "./staged-rows.ts";
import { Stager } from "./staged-rows.ts";
import { WasmLearner } from "./wasm-learner.ts";
import { WasmSparseLearner } from "./wasm-sparse-learner.ts";

/** What learners run on; held for a whole job and closed at its end. */
export interface Workshop {
  /** Makes the learner that suits the rows. The state is taken over: read it from the learner from now on. */
  learner(plan: LearnerPlan, train: Split, state: LearnerState): Learner;
  close(): Promise<void>;
}

/** What a run may use. */
export interface Means {
  readonly cpus: number;
  readonly memoryBytes: number | undefined;
  /** Size of the training channel's files. */
  readonly inputBytes: number;
}

/** Kernel memory left for weights and working room when rows are kept. */
const RESERVE = 1024 * 1024 * 1024;

/** Input that keeps a thread busy for longer than it takes to start. */
const BYTES_PER_THREAD = 2 * 1024 * 1024;
/** Mini-batches are cut into no more chunks than this. */
const MOST_THREADS = 64;

/**
 * Opens a workshop with as many threads as there are cores to use and input to share. Without built kernels it works
 * in plain TypeScript.
 */
export async function openWorkshop(means: Means): Promise<Workshop> {
  const cores = Math.min(means.cpus, availableParallelism(), MOST_THREADS);
  const threads = Math.max(1, Math.min(cores, Math.ceil(means.inputBytes / BYTES_PER_THREAD)));
  const pool = await KernelPool.open<LinearKernels>("linear-learner.wasm", threads);
  const rows = pool === undefined ? undefined : new RowStore(pool, means);
  return {
    learner(plan, train, state) {
      const isSparse = train.kind === "sparse";
      if (pool === undefined || rows === undefined) {
        return isSparse ? new SparseLearner(plan, train, state) : new PlainLearner(plan, train, state);
      }
      if (isSparse) {
        if (!rows.fitsSparse(train, plan)) return new SparseLearner(plan, train, state);
        return new WasmSparseLearner(pool, plan, train, state, (split) => rows.placed(split, plan));
      }
      return new WasmLearner(pool, plan, train, state, (split) => rows.staged(split, plan));
    },
    close: async () => await pool?.close(),
  };
}

/** Remembers which splits are in the kernel's memory, so that every learner of a job reads the same copy. */
class RowStore {
  readonly #pool: Pool;
  /** Bytes that rows may still take there. */
  #budget: number;
  readonly #staged = new Map<Split, StagedRows>();
  readonly #placed = new Map<Split, PlacedRows>();
  #stager: Stager | undefined;
  #sparseRoom: SparseRoom | undefined;

  constructor(pool: Pool, means: Means) {
    this.#pool = pool;
    // The rows take up to half of the memory already; copies of them may take a quarter.
    this.#budget = (means.memoryBytes ?? Infinity) / 4;
  }

  staged(split: Split, plan: LearnerPlan): StagedRows {
    const known = this.#staged.get(split);
    if (known !== undefined) return known;
    this.#stager ??= new Stager(this.#pool, plan.scaling, blockRows(plan.geometry, plan.batch));
    const rows = this.#take(split, this.#stager.bytesOf(split))
      ? this.#stager.resident(split)
      : this.#stager.passing(split);
    this.#staged.set(split, rows);
    return rows;
  }

  placed(split: Split, { scaling: { scale } }: LearnerPlan): PlacedRows {
    const known = this.#placed.get(split);
    if (known !== undefined) return known;
    this.#sparseRoom ??= new SparseRoom(this.#pool, scale);
    const rows =
      split.inMemory !== undefined && this.#take(split, sparseBytes(split))
        ? placeSparse(this.#pool, split.inMemory, scale)
        : this.#sparseRoom.passing(split);
    this.#placed.set(split, rows);
    return rows;
  }

  /** Whether the models' weights find room, and mini-batches several times as large as they are on average. */
  fitsSparse({ entries, count }: Split, { geometry, batch }: LearnerPlan): boolean {
    const models = geometry.weights * 4 * 4 + this.#pool.threads * geometry.stride * 8;
    const block = sparseBytes({ entries: (entries / count) * batch, count: batch });
    return models + 4 * block < this.#pool.room - RESERVE;
  }

  /** Rows that are streamed are many: they would not stay, and what is kept of them is kept by the stream. */
  #take(split: Split, bytes: number): boolean {
    if (split.inMemory === undefined || bytes >= this.#pool.room - RESERVE || bytes >= this.#budget) return false;
    this.#budget -= bytes;
    return true;
  }
}
