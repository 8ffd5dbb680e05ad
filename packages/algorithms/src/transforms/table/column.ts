/** Numbers, one for each row. A missing value is NaN. */
export interface NumericColumn {
  readonly kind: "numeric";
  readonly values: Float64Array;
}

/** Numbers that are mostly 0, as words and categories become: those that are not, in ascending order of their rows. */
export interface SparseColumn {
  readonly kind: "sparse";
  readonly rows: Uint32Array;
  readonly values: Float64Array;
}

/** Categories or free text, by number: equal texts are stored once, and compared as numbers. */
export interface TextColumn {
  readonly kind: "text";
  /** For each row the place of its text in `texts`; -1 where it is missing. */
  readonly codes: Int32Array;
  /** Distinct. May hold texts that no row has. */
  readonly texts: readonly string[];
}

/** Points in time, in milliseconds since 1970 in UTC. A missing one is NaN. */
export interface DateColumn {
  readonly kind: "date";
  readonly values: Float64Array;
}

export type Column = NumericColumn | SparseColumn | TextColumn | DateColumn;

/** What transforms ask for: numbers may be stored densely or sparsely. */
export type ColumnType = "numeric" | "text" | "date";

export function typeOf({ kind }: Column): ColumnType {
  return kind === "sparse" ? "numeric" : kind;
}

export function numeric(values: ArrayLike<number>): NumericColumn {
  return { kind: "numeric", values: values instanceof Float64Array ? values : Float64Array.from(values) };
}

export function dates(values: ArrayLike<number>): DateColumn {
  return { kind: "date", values: values instanceof Float64Array ? values : Float64Array.from(values) };
}

/** Numbers the texts in the order in which they come. @param values - null and undefined are missing. */
export function text(values: readonly (string | null | undefined)[]): TextColumn {
  const places = new Map<string, number>();
  const codes = new Int32Array(values.length);
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === null || value === undefined) {
      codes[row] = -1;
      continue;
    }
    let code = places.get(value);
    if (code === undefined) {
      code = places.size;
      places.set(value, code);
    }
    codes[row] = code;
  }
  return { kind: "text", codes, texts: [...places.keys()] };
}

/** The numbers of every row. Not to be written to: they are the column's own where it is dense. */
export function denseValues(column: NumericColumn | SparseColumn | DateColumn, rows: number): Float64Array {
  if (column.kind !== "sparse") return column.values;
  const values = new Float64Array(rows);
  for (let i = 0; i < column.rows.length; i++) values[column.rows[i] as number] = column.values[i] as number;
  return values;
}

/** Some rows of a column, in the order of `rows`; a row may come more than once. */
export function gather(column: Column, rows: Uint32Array, count: number): Column {
  switch (column.kind) {
    case "numeric":
    case "date":
      return { kind: column.kind, values: pick(column.values, rows, Float64Array) };
    case "text":
      return { ...column, codes: pick(column.codes, rows, Int32Array) };
    case "sparse":
      return numeric(pick(denseValues(column, count), rows, Float64Array));
  }
}

function pick<T extends Float64Array | Int32Array>(from: T, rows: Uint32Array, make: new (length: number) => T): T {
  const picked = new make(rows.length);
  for (let i = 0; i < rows.length; i++) picked[i] = from[rows[i] as number] as number;
  return picked;
}
