import { untilStopped } from "./in-blocks.ts";
import { commands, modes } from "./kernels/layout.ts";
import type { Pool } from "./kernels/parameter-block.ts";
import { ParameterBlock } from "./kernels/parameter-block.ts";
import type { Learner, LearnerPlan, LearnerState, ScoreVisitor } from "./learner.ts";
import { meanLosses } from "./learner.ts";
import type { PlacedBlock, PlacedRows } from "./placed-rows.ts";
import { nextTurn } from "./plain-learner.ts";
import type { Split } from "./split.ts";

/** Entries that are handled between two looks at the event loop, some 50 ms of work. */
const ENTRIES_PER_TURN = 1_000_000;
/** Rows that an evaluation scores at a time. */
const EVALUATED_ROWS = 1024;

/** Trains on sparse rows with the WASM kernels on all threads of a pool; its twin is SparseLearner. */
export class WasmSparseLearner implements Learner {
  readonly #pool: Pool;
  readonly #plan: LearnerPlan;
  readonly #train: Split;
  readonly #block: ParameterBlock;
  readonly #placed: (split: Split) => PlacedRows;
  readonly #out: number;

  constructor(pool: Pool, plan: LearnerPlan, train: Split, start: LearnerState, placed: (split: Split) => PlacedRows) {
    this.#pool = pool;
    this.#plan = plan;
    this.#train = train;
    this.#placed = placed;
    const { stride, columns } = plan.geometry;
    const tileRows = Math.max(plan.batch, EVALUATED_ROWS);
    this.#block = new ParameterBlock(pool, plan, start, { chunks: 1, tileRows, tiles: 1 });
    this.#out = pool.allocate(EVALUATED_ROWS * columns * 4);
    this.#block.set({
      stamps: pool.allocate(pool.threads * stride * 4),
      touched: pool.allocate(pool.threads * stride * 4),
    });
  }

  get state(): LearnerState {
    return this.#block.state;
  }

  async trainEpoch(signal: AbortSignal): Promise<Float64Array> {
    const { geometry, batch } = this.#plan;
    const { entries, count } = this.#train;
    const perRow = Math.max(1, entries / count);
    const size = batch * Math.max(1, Math.floor(ENTRIES_PER_TURN / (perRow * batch)));
    this.#block.set({ mode: modes.train, out: 0, batch });
    let seen = 0;
    for await (const block of untilStopped(this.#placed(this.#train).blocks(size), signal)) {
      this.#run(block);
      seen += block.rows;
      await nextTurn();
    }
    const losses = this.#block.takeLosses();
    if (seen === 0) throw signal.reason;
    return meanLosses(geometry, losses, seen);
  }

  async evaluate(split: Split, visit?: ScoreVisitor): Promise<Float64Array> {
    const { geometry } = this.#plan;
    this.#block.set({ mode: modes.evaluate, out: visit === undefined ? 0 : this.#out, batch: EVALUATED_ROWS });
    for await (const block of this.#placed(split).blocks(EVALUATED_ROWS)) {
      const { y, first, rows } = block;
      this.#run(block);
      visit?.(this.#pool.floats(this.#out, rows * geometry.columns), this.#pool.floats(y, rows), first, rows);
      if (first % (64 * EVALUATED_ROWS) === 0) await nextTurn();
    }
    return meanLosses(geometry, this.#block.takeLosses(), split.count);
  }

  close(): void {}

  #run({ offsets, indices, values, y, rows }: PlacedBlock): void {
    this.#block.set({ offsets, indices, values, y, rows });
    this.#pool.command(commands.runSparse, this.#block.address);
  }
}
