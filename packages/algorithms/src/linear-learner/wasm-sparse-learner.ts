import type { SparseRows } from "../formats/rows.ts";
import { commands, modes } from "./kernels/layout.ts";
import type { Pool } from "./kernels/parameter-block.ts";
import { ParameterBlock } from "./kernels/parameter-block.ts";
import type { Learner, LearnerPlan, LearnerState, ScoreVisitor, Split } from "./learner.ts";
import { meanLosses } from "./learner.ts";
import { nextTurn } from "./plain-learner.ts";
import type { Scaling } from "./scaling.ts";

/** Sparse rows in the kernel's memory, values scaled: addresses. */
export interface PlacedRows {
  /** u32 per row and one more. */
  readonly offsets: number;
  readonly indices: number;
  readonly values: number;
  readonly y: number;
  readonly count: number;
}

/** Bytes that `placeSparse` takes. */
export function sparseBytes(split: Split): number {
  return (split.features as SparseRows).values.length * 8 + (split.features.count + 4) * 8;
}

/** Copies sparse rows into the kernel's memory, values multiplied by their features' scale. */
export function placeSparse(pool: Pool, split: Split, scaling: Scaling): PlacedRows {
  const x = split.features as SparseRows;
  const entries = x.values.length;
  const placed: PlacedRows = {
    offsets: pool.allocate((x.count + 1) * 4),
    indices: pool.allocate(entries * 4),
    values: pool.allocate(entries * 4),
    y: pool.allocate(x.count * 4 + 16),
    count: x.count,
  };
  pool.integers(placed.offsets, x.count + 1).set(x.offsets);
  pool.integers(placed.indices, entries).set(x.columns);
  pool.floats(placed.y, x.count).set(split.labels);
  const values = pool.floats(placed.values, entries);
  for (let e = 0; e < entries; e++)
    values[e] = (x.values[e] as number) * (scaling.scale[x.columns[e] as number] as number);
  return placed;
}

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
    const rows = this.#placed(this.#train);
    const perRow = Math.max(1, (this.#train.features as SparseRows).values.length / rows.count);
    const size = batch * Math.max(1, Math.floor(ENTRIES_PER_TURN / (perRow * batch)));
    this.#block.set({ mode: modes.train, out: 0, batch });
    let first = 0;
    for (; first < rows.count && !signal.aborted; first += size) {
      this.#run(rows, first, Math.min(size, rows.count - first));
      await nextTurn();
    }
    return meanLosses(geometry, this.#block.takeLosses(), Math.max(1, Math.min(first, rows.count)));
  }

  async evaluate(split: Split, visit?: ScoreVisitor): Promise<Float64Array> {
    const { geometry } = this.#plan;
    const rows = this.#placed(split);
    this.#block.set({ mode: modes.evaluate, out: visit === undefined ? 0 : this.#out, batch: EVALUATED_ROWS });
    for (let first = 0; first < rows.count; first += EVALUATED_ROWS) {
      const count = Math.min(EVALUATED_ROWS, rows.count - first);
      this.#run(rows, first, count);
      visit?.(this.#pool.floats(this.#out, count * geometry.columns), first, count);
      if (first % (64 * EVALUATED_ROWS) === 0) await nextTurn();
    }
    return meanLosses(geometry, this.#block.takeLosses(), rows.count);
  }

  close(): void {}

  #run(rows: PlacedRows, first: number, count: number): void {
    const { offsets, indices, values, y } = rows;
    this.#block.set({ offsets: offsets + first * 4, indices, values, y: y + first * 4, rows: count });
    this.#pool.command(commands.runSparse, this.#block.address);
  }
}
