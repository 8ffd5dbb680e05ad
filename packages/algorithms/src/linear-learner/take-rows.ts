import type { DenseRows, Rows, SparseRows } from "../formats/rows.ts";

/** Values that rows have as sparse ones: all of a dense row's, zeros included. */
export function entriesOf(rows: Rows, first: number, count: number): number {
  if (rows.kind === "dense") return count * rows.width;
  return (rows.offsets[first + count] as number) - (rows.offsets[first] as number);
}

/** Copies rows to the beginning of `target`, with zeros where a sparse row has nothing. */
export function copyDense(rows: Rows, first: number, count: number, target: Float32Array): void {
  const { width } = rows;
  if (rows.kind === "dense") {
    target.set(rows.values.subarray(first * width, (first + count) * width));
    return;
  }
  target.fill(0, 0, count * width);
  for (let i = 0; i < count; i++) {
    const end = rows.offsets[first + i + 1] as number;
    for (let e = rows.offsets[first + i] as number; e < end; e++)
      target[i * width + (rows.columns[e] as number)] = rows.values[e] as number;
  }
}

/** Where sparse rows go: `offsets` has a place for each and one more. */
interface SparseTarget {
  readonly offsets: Float64Array | Int32Array;
  readonly columns: Uint32Array | Int32Array;
  readonly values: Float32Array;
}

/**
 * Copies rows behind the `at` that a target has. A dense row keeps its zeros as values, as the readers do where some rows
 * of a channel are dense and some are not.
 * @param scale - What the values of each column are multiplied by.
 */
export function appendSparse(
  rows: Rows,
  first: number,
  count: number,
  { offsets, columns, values }: SparseTarget,
  at: number,
  scale?: Float32Array,
): void {
  offsets[0] = 0;
  let to = offsets[at] as number;
  for (let i = first; i < first + count; i++) {
    const isDense = rows.kind === "dense";
    const from = isDense ? i * rows.width : (rows.offsets[i] as number);
    const length = isDense ? rows.width : (rows.offsets[i + 1] as number) - from;
    for (let e = 0; e < length; e++, to++) {
      const column = isDense ? e : (rows.columns[from + e] as number);
      const value = rows.values[from + e] as number;
      columns[to] = column;
      values[to] = scale === undefined ? value : value * (scale[column] as number);
    }
    offsets[at + i - first + 1] = to;
  }
}

/** The rows of these numbers. */
export function pickRows(rows: Rows, picks: Float64Array): Rows {
  return rows.kind === "dense" ? pickDense(rows, picks) : pickSparse(rows, picks);
}

function pickDense(rows: DenseRows, picks: Float64Array): DenseRows {
  const { width } = rows;
  const values = new Float32Array(picks.length * width);
  for (let to = 0; to < picks.length; to++) {
    const from = (picks[to] as number) * width;
    for (let j = 0; j < width; j++) values[to * width + j] = rows.values[from + j] as number;
  }
  return { kind: "dense", count: picks.length, width, values };
}

function pickSparse(rows: SparseRows, picks: Float64Array): SparseRows {
  const offsets = new Float64Array(picks.length + 1);
  picks.forEach((i, to) => {
    offsets[to + 1] = (offsets[to] as number) + (rows.offsets[i + 1] as number) - (rows.offsets[i] as number);
  });
  const total = offsets[picks.length] as number;
  const columns = new Uint32Array(total);
  const values = new Float32Array(total);
  picks.forEach((i, to) => {
    const from = rows.offsets[i] as number;
    const end = rows.offsets[i + 1] as number;
    columns.set(rows.columns.subarray(from, end), offsets[to] as number);
    values.set(rows.values.subarray(from, end), offsets[to] as number);
  });
  return { kind: "sparse", count: picks.length, width: rows.width, offsets, columns, values };
}
