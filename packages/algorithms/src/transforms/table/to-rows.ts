import type { DenseRows, Rows, SparseRows } from "../../formats/rows.ts";
import { CustomerError } from "../../job/errors.ts";
import { denseValues, type NumericColumn, type SparseColumn } from "./column.ts";
import type { Table } from "./table.ts";

/** Share of values that are stored above which rows are dense. */
const denseShare = 0.3;

/**
 * Numbers of all columns, row by row, as learners take them: sparse where most are 0.
 * @throws CustomerError naming a column that holds no numbers.
 */
export function toRows(table: Table): Rows {
  const columns = numbersOf(table);
  const stored = columns.reduce((sum, { values }) => sum + values.length, 0);
  const isSparse = columns.some(({ kind }) => kind === "sparse") && stored < denseShare * table.rows * columns.length;
  return isSparse ? sparseRows(columns, table.rows, stored) : denseRows(columns, table.rows);
}

/** The same, always dense. */
export function toDenseRows(table: Table): DenseRows {
  return denseRows(numbersOf(table), table.rows);
}

/** All columns as columns of numbers. @throws CustomerError naming one that is none. */
export function numbersOf(table: Table): (NumericColumn | SparseColumn)[] {
  return Array.from(table.columns, ([name, column]) => {
    if (column.kind === "numeric" || column.kind === "sparse") return column;
    throw new CustomerError(
      `Column '${name}' holds ${column.kind === "text" ? "text" : "dates"} and no numbers: encode or drop it.`,
    );
  });
}

function denseRows(columns: readonly (NumericColumn | SparseColumn)[], count: number): DenseRows {
  const width = columns.length;
  const values = new Float32Array(count * width);
  for (const [at, column] of columns.entries()) {
    const own = denseValues(column, count);
    for (let row = 0; row < count; row++) values[row * width + at] = own[row] as number;
  }
  return { kind: "dense", count, width, values };
}

function sparseRows(columns: readonly (NumericColumn | SparseColumn)[], count: number, stored: number): SparseRows {
  const offsets = new Float64Array(count + 1);
  const each = (visit: (row: number, column: number, value: number) => void) => {
    for (const [at, column] of columns.entries()) {
      for (let i = 0; i < column.values.length; i++) {
        const value = column.values[i] as number;
        if (value !== 0) visit(column.kind === "sparse" ? (column.rows[i] as number) : i, at, value);
      }
    }
  };
  const next = new Float64Array(count + 1);
  each((row) => {
    next[row + 1] = (next[row + 1] as number) + 1;
  });
  for (let row = 0; row < count; row++) next[row + 1] = (next[row + 1] as number) + (next[row] as number);
  offsets.set(next);
  const size = Math.min(stored, offsets[count] as number);
  const [places, values] = [new Uint32Array(size), new Float32Array(size)];
  each((row, column, value) => {
    const at = next[row] as number;
    places[at] = column;
    values[at] = value;
    next[row] = at + 1;
  });
  return { kind: "sparse", count, width: columns.length, offsets, columns: places, values };
}
