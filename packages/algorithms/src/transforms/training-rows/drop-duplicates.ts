import type { Column } from "../table/column.ts";
import { denseValues } from "../table/column.ts";
import type { Table } from "../table/table.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";

/** Leaves out training rows that are equal to an earlier one, in the columns that it is for. Missing values are equal. */
export interface DropDuplicatesSpec extends TransformSpec {
  readonly kind: "drop-duplicates";
}

export const dropDuplicates: TransformKind<DropDuplicatesSpec, Record<string, never>> = {
  kind: "drop-duplicates",
  options: {},
  takes: ["numeric", "text", "date"],
  fit: ({ table }) => ({ state: {}, rows: firstRows(table) }),
  open: () => (table) => table,
};

/**
 * The first of each row, in order. Column by column, rows that are equal so far share a number: pairs of that number and
 * the column's value get new numbers.
 */
function firstRows({ rows, columns }: Table): Uint32Array {
  let groups = new Float64Array(rows);
  let count = Math.min(1, rows);
  for (const column of columns.values()) {
    const { codes, size } = codesOf(column, rows);
    const numbers = new Map<number, number>();
    const next = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      const pair = (groups[row] as number) * size + (codes[row] as number); // below rows squared: exact
      let number = numbers.get(pair);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(pair, number);
      }
      next[row] = number;
    }
    groups = next;
    count = numbers.size;
  }
  const first = new Uint32Array(count);
  let found = 0;
  // Numbers were given in the order of rows.
  for (let row = 0; row < rows; row++) if (groups[row] === found) first[found++] = row;
  return first;
}

/** Numbers of a column's values, from 0. */
function codesOf(column: Column, rows: number): { readonly codes: ArrayLike<number>; readonly size: number } {
  if (column.kind === "text") return { codes: column.codes.map((code) => code + 1), size: column.texts.length + 1 };
  const numbers = new Map<number, number>();
  const codes = denseValues(column, rows).map((value) => {
    const number = numbers.get(value) ?? numbers.size;
    numbers.set(value, number);
    return number;
  });
  return { codes, size: numbers.size };
}
