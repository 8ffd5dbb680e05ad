import type { Rows } from "../../formats/rows.ts";

/** Floats of a block that is made here: enough rows for a tree to be worth loading, few enough to stay in a cache. */
const blockFloats = 1 << 16;

/** Rows of shape (count, width) that are dense, from row `begin` of all. */
export interface DenseBlock {
  readonly values: Float32Array;
  readonly width: number;
  readonly count: number;
  readonly begin: number;
}

/**
 * Shows rows as dense ones of at least some width, missing values being NaN: as they lie where that can be, else block by
 * block in one buffer.
 * @param needed - Columns that are looked at. Narrower rows are missing what they leave out.
 */
export function denseBlocks(rows: Rows, needed: number, take: (block: DenseBlock) => void): void {
  if (rows.count === 0) return;
  if (rows.kind === "dense" && rows.width >= needed) {
    take({ values: rows.values, width: rows.width, count: rows.count, begin: 0 });
    return;
  }
  const most = Math.min(rows.count, Math.max(1, Math.floor(blockFloats / Math.max(1, needed))));
  const values = new Float32Array(most * needed).fill(Number.NaN);
  for (let begin = 0; begin < rows.count; begin += most) {
    const count = Math.min(most, rows.count - begin);
    const block = { values, width: needed, count, begin };
    write(rows, block, (value) => value);
    take(block);
    // Only what was written is taken back: of sparse rows that is far less than all.
    write(rows, block, () => Number.NaN);
  }
}

function write(rows: Rows, { values, width, count, begin }: DenseBlock, valueOf: (value: number) => number): void {
  for (let row = begin; row < begin + count; row++) {
    const at = (row - begin) * width;
    if (rows.kind === "dense") {
      for (let i = 0; i < rows.width; i++) values[at + i] = valueOf(rows.values[row * rows.width + i] as number);
      continue;
    }
    for (let entry = rows.offsets[row] as number; entry < (rows.offsets[row + 1] as number); entry++) {
      const column = rows.columns[entry] as number;
      if (column < width) values[at + column] = valueOf(rows.values[entry] as number);
    }
  }
}
