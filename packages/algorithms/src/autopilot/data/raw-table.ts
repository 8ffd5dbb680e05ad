/** Columns of text as files have them. A missing value is the empty text. */
export interface RawTable {
  readonly names: readonly string[];
  readonly count: number;
  /** One list for each name, `count` long. */
  readonly columns: readonly (readonly string[])[];
}

/** Some of a table's rows, in the order of `rows`. */
export function pickRows(table: RawTable, rows: ArrayLike<number>): RawTable {
  const columns = table.columns.map((column) => Array.from(rows, (row) => column[row] as string));
  return { names: table.names, count: rows.length, columns };
}

/** A column. @throws Error when there is none of the name: callers have checked. */
export function columnOf({ names, columns }: RawTable, name: string): readonly string[] {
  const column = columns[names.indexOf(name)];
  if (column === undefined) throw new Error(`the table has no column ${name}`);
  return column;
}

const missing = new Set([...["", "nan", "na", "n/a", "#n/a", "<na>", "null", "none", "-nan", "nat"]]);

/** A field as tables hold it: without white space around it, and empty where it stands for a missing value. */
export function cleanField(field: string): string {
  const text = field.trim();
  // Only short texts can be one of the words; most fields are never turned to lower case.
  return text.length <= 5 && missing.has(text.toLowerCase()) ? "" : text;
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The number that a text is; NaN where it is none or missing. */
export function numberOf(text: string): number {
  return decimal.test(text) ? Number(text) : Number.NaN;
}
