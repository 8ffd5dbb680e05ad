import type { Rows } from "../formats/rows.ts";
import { ceil4 } from "./geometry.ts";
import { inBlocks } from "./in-blocks.ts";
import { commands } from "./kernels/layout.ts";
import type { Pool } from "./kernels/parameter-block.ts";
import type { Scaling } from "./scaling.ts";
import type { Split } from "./split.ts";
import { copyDense } from "./take-rows.ts";

/** Rows in the kernel's memory, scaled and padded: addresses, the first row's number, and how many. */
interface StagedBlock {
  readonly x: number;
  readonly y: number;
  readonly first: number;
  readonly rows: number;
}

/** A split's rows, brought into the kernel's memory block by block. */
export interface StagedRows {
  blocks(): AsyncGenerator<StagedBlock>;
}

/** Raw rows that are copied at a time: what a core's second-level cache holds. */
const RAW_BYTES = 1024 * 1024;

/** Copies raw blocks into the kernel's memory and scales them there. One serves all splits of a job. */
export class Stager {
  readonly #pool: Pool;
  readonly #width: number;
  readonly #stride: number;
  /** Rows of a block: a whole number of mini-batches. */
  readonly #size: number;
  /** Rows that are copied at a time. */
  readonly #piece: number;
  readonly #raw: number;
  readonly #request: Int32Array;
  readonly #requestAt: number;
  #passing: number | undefined;

  constructor(pool: Pool, scaling: Scaling, blockRows: number) {
    this.#pool = pool;
    this.#width = scaling.shift.length;
    this.#stride = ceil4(this.#width);
    this.#size = blockRows;
    this.#piece = Math.max(64, Math.floor(RAW_BYTES / (this.#width * 4)));
    this.#raw = pool.allocate(Math.min(this.#piece, blockRows) * this.#width * 4);
    this.#requestAt = pool.allocate(32);
    this.#request = pool.integers(this.#requestAt, 8);
    this.#request[5] = this.#place(scaling.shift);
    this.#request[6] = this.#place(scaling.scale);
  }

  /** Bytes that a split takes when it stays. */
  bytesOf(split: Split): number {
    return split.count * (this.#stride + 1) * 4;
  }

  /** Rows that stay in the kernel's memory after their first pass. */
  resident(split: Split): StagedRows {
    const { count } = split;
    const x = this.#pool.allocate(count * this.#stride * 4);
    const y = this.#pool.allocate(count * 4 + 16); // kernels read labels four at a time
    const size = this.#size;
    const blockAt = (first: number): StagedBlock => {
      const rows = Math.min(size, count - first);
      return { x: x + first * this.#stride * 4, y: y + first * 4, first, rows };
    };
    const blocks = () => this.#blocks(split, (row) => ({ x: x + row * this.#stride * 4, y: y + row * 4 }));
    let isStaged = false;
    return {
      async *blocks() {
        if (!isStaged) for await (const { first } of blocks()) yield blockAt(first);
        else for (let first = 0; first < count; first += size) yield blockAt(first);
        isStaged = true;
      },
    };
  }

  /** Rows that pass through one block's room, for splits that do not fit. */
  passing(split: Split): StagedRows {
    const size = this.#size;
    this.#passing ??= this.#pool.allocate(size * (this.#stride + 1) * 4 + 16);
    const x = this.#passing;
    const y = x + size * this.#stride * 4;
    const blocks = () =>
      this.#blocks(split, (row) => ({ x: x + (row % size) * this.#stride * 4, y: y + (row % size) * 4 }));
    return {
      async *blocks() {
        for await (const block of blocks()) yield { x, y, ...block };
      },
    };
  }

  /** Puts each row of a split at its place, block by block. */
  #blocks(split: Split, placeOf: (row: number) => Pick<StagedBlock, "x" | "y">) {
    return inBlocks(split, this.#size, ({ features, labels }, { first, count, row }) => {
      const { x, y } = placeOf(row);
      this.#stage(features, first, count, x);
      this.#pool.floats(y, count).set(labels.subarray(first, first + count));
    });
  }

  #stage(features: Rows, first: number, rows: number, to: number): void {
    const width = this.#width;
    for (let at = 0; at < rows; at += this.#piece) {
      const count = Math.min(this.#piece, rows - at);
      copyDense(features, first + at, count, this.#pool.floats(this.#raw, count * width));
      this.#request.set([this.#raw, to + at * this.#stride * 4, count, width, this.#stride]);
      this.#pool.command(commands.stage, this.#requestAt);
    }
  }

  #place(values: Float32Array): number {
    const at = this.#pool.allocate(ceil4(values.length) * 4);
    this.#pool.floats(at, values.length).set(values);
    return at;
  }
}
