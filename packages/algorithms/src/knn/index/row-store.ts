import type { Block, Run } from "../search/scanner.ts";

/** Who gives memory for rows: a scanner, for rows that it will look at. */
export interface RowMemory {
  block(rows: number, rowBytes: number): Block;
}

const blockBytes = 4 * 1024 * 1024;

/** Rows in blocks, so that memory grows with them and no single array has to hold them all. */
export class RowStore {
  readonly rowBytes: number;
  readonly blocks: Block[] = [];
  readonly #memory: RowMemory;
  readonly #blockRows: number;
  #count = 0;

  /** @param most - Rows that are expected at most. */
  constructor(memory: RowMemory, rowBytes: number, most: number) {
    this.#memory = memory;
    this.rowBytes = rowBytes;
    this.#blockRows = Math.max(1, Math.min(most, Math.floor(blockBytes / rowBytes)));
  }

  get count(): number {
    return this.#count;
  }

  /** Makes room for so many rows altogether; what they hold is for the caller to write. */
  grow(count: number): void {
    while (this.blocks.length * this.#blockRows < count) {
      this.blocks.push(this.#memory.block(this.#blockRows, this.rowBytes));
    }
    this.#count = Math.max(this.#count, count);
  }

  /** The block of a row. */
  blockOf(row: number): Block {
    return this.blocks[Math.floor(row / this.#blockRows)] as Block;
  }

  /** The row's place in its block. */
  placeOf(row: number): number {
    return row % this.#blockRows;
  }

  /** Some rows, block by block. */
  *runs(first = 0, count = this.#count): Generator<Run> {
    for (let row = first; row < first + count; ) {
      const place = this.placeOf(row);
      const rows = Math.min(this.#blockRows - place, first + count - row);
      yield { block: this.blockOf(row), first: place, count: rows };
      row += rows;
    }
  }
}

/** Memory outside of any kernel, for rows that are only kept. */
export const ordinaryMemory: RowMemory = {
  block(rows, rowBytes) {
    const bytes = new Uint8Array(rows * rowBytes);
    const floats = rowBytes % 16 === 0 ? new Float32Array(bytes.buffer) : new Float32Array(0);
    return { rows, bytes, floats, halves: new Float32Array(0), ids: new Int32Array(0) };
  },
};
