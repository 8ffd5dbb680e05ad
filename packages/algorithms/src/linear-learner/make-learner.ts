import { availableParallelism } from "node:os";
import { KernelPool } from "../numerics/kernel-pool.ts";
import type { LinearKernels } from "./kernels/exports.ts";
import type { Pool } from "./kernels/parameter-block.ts";
import type { Learner, LearnerPlan, LearnerState, Split } from "./learner.ts";
import { blockRows } from "./learner.ts";
import { PlainLearner } from "./plain-learner.ts";
import { SparseLearner } from "./sparse-learner.ts";
import type { StagedRows } from "./staged-rows.ts";
import { Stager } from "./staged-rows.ts";
import { WasmLearner } from "./wasm-learner.ts";
import type { PlacedRows } from "./wasm-sparse-learner.ts";
import { placeSparse, sparseBytes, WasmSparseLearner } from "./wasm-sparse-learner.ts";

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
      const isSparse = train.features.kind === "sparse";
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
  readonly #budget: number;
  readonly #staged = new Map<Split, StagedRows>();
  readonly #placed = new Map<Split, PlacedRows>();
  #stager: Stager | undefined;

  constructor(pool: Pool, means: Means) {
    this.#pool = pool;
    // The rows are in memory once already; a second copy may take a third of what there is.
    this.#budget = (means.memoryBytes ?? Infinity) / 3;
  }

  staged(split: Split, plan: LearnerPlan): StagedRows {
    const known = this.#staged.get(split);
    if (known !== undefined) return known;
    this.#stager ??= new Stager(this.#pool, plan.scaling, blockRows(plan.geometry, plan.batch));
    const bytes = this.#stager.bytesOf(split);
    const fits = bytes < this.#pool.room - RESERVE && bytes < this.#budget;
    const rows = fits ? this.#stager.resident(split) : this.#stager.passing(split);
    this.#staged.set(split, rows);
    return rows;
  }

  placed(split: Split, plan: LearnerPlan): PlacedRows {
    const known = this.#placed.get(split) ?? placeSparse(this.#pool, split, plan.scaling);
    this.#placed.set(split, known);
    return known;
  }

  /** Whether sparse rows, twice their size for held-out ones, and the models' weights find room. */
  fitsSparse(train: Split, { geometry }: LearnerPlan): boolean {
    const rows = this.#placed.has(train) ? 0 : 2 * sparseBytes(train);
    const models = geometry.weights * 4 * 4 + this.#pool.threads * geometry.stride * 8;
    return rows + models < this.#pool.room - RESERVE && rows < this.#budget;
  }
}
