import { inBlocks } from "./in-blocks.ts";
import type { Pool } from "./kernels/parameter-block.ts";
import type { Piece, Split } from "./split.ts";
import { appendSparse, entriesOf } from "./take-rows.ts";

/** Sparse rows in the kernel's memory, values scaled: addresses, the first row's number, and how many. */
export interface PlacedBlock {
  /** u32 per row and one more. */
  readonly offsets: number;
  readonly indices: number;
  readonly values: number;
  readonly y: number;
  readonly first: number;
  readonly rows: number;
}

/** A split's rows, brought into the kernel's memory in blocks of `size` rows. */
export interface PlacedRows {
  blocks(size: number): AsyncGenerator<PlacedBlock>;
}

/** Bytes that rows take in the kernel's memory. */
export function sparseBytes({ entries, count }: Pick<Split, "entries" | "count">): number {
  return entries * 8 + (count + 4) * 8;
}

/** Copies rows that are in memory into the kernel's, values multiplied by their features' scale. */
export function placeSparse(pool: Pool, { features, labels }: Piece, scale: Float32Array): PlacedRows {
  const { count } = features;
  const entries = entriesOf(features, 0, count);
  const offsets = pool.allocate((count + 1) * 4);
  const indices = pool.allocate(entries * 4);
  const values = pool.allocate(entries * 4);
  const y = pool.allocate(count * 4 + 16);
  const target = {
    offsets: pool.integers(offsets, count + 1),
    columns: pool.integers(indices, entries),
    values: pool.floats(values, entries),
  };
  appendSparse(features, 0, count, target, 0, scale);
  pool.floats(y, count).set(labels);
  return {
    async *blocks(size) {
      for (let first = 0; first < count; first += size) {
        const rows = Math.min(size, count - first);
        yield { offsets: offsets + first * 4, indices, values, y: y + first * 4, first, rows };
      }
    },
  };
}

/** Room in the kernel's memory that rows pass through block by block. One serves all splits of a job. */
export class SparseRoom {
  readonly #pool: Pool;
  readonly #scale: Float32Array;
  #rows = 0;
  #entries = 0;
  #offsets = 0;
  #y = 0;
  #indices = 0;
  #values = 0;

  constructor(pool: Pool, scale: Float32Array) {
    this.#pool = pool;
    this.#scale = scale;
  }

  passing(split: Split): PlacedRows {
    const blocks = (size: number) => this.#blocks(split, size);
    return { blocks };
  }

  async *#blocks(split: Split, size: number): AsyncGenerator<PlacedBlock> {
    const most = Math.min(size, split.count);
    if (this.#rows < most) {
      this.#rows = most;
      this.#offsets = this.#pool.allocate((most + 1) * 4);
      this.#y = this.#pool.allocate(most * 4 + 16);
    }
    let filled = 0;
    const blocks = inBlocks(split, size, ({ features, labels }, { first, count, at }) => {
      if (at === 0) filled = 0;
      this.#reserve(filled + entriesOf(features, first, count), filled);
      appendSparse(features, first, count, this.#target, at, this.#scale);
      filled += entriesOf(features, first, count);
      this.#pool.floats(this.#y + at * 4, count).set(labels.subarray(first, first + count));
    });
    for await (const block of blocks) {
      yield { offsets: this.#offsets, indices: this.#indices, values: this.#values, y: this.#y, ...block };
    }
  }

  get #target() {
    return {
      offsets: this.#pool.integers(this.#offsets, this.#rows + 1),
      columns: this.#pool.integers(this.#indices, this.#entries),
      values: this.#pool.floats(this.#values, this.#entries),
    };
  }

  /** Memory is never given back: it doubles, so that all that was left behind is no more than what is used. */
  #reserve(entries: number, filled: number): void {
    if (entries <= this.#entries) return;
    const { columns, values } = this.#target;
    this.#entries = Math.max(entries, 2 * this.#entries);
    this.#indices = this.#pool.allocate(this.#entries * 4);
    this.#values = this.#pool.allocate(this.#entries * 4);
    const target = this.#target;
    target.columns.set(columns.subarray(0, filled));
    target.values.set(values.subarray(0, filled));
  }
}
