import { CustomerError } from "../../job/errors.ts";
import { type Column, type ColumnType, gather, typeOf } from "./column.ts";

/** Columns of equal length by name, in order. */
export interface Table {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, Column>;
}

/** @throws CustomerError when a name comes twice, or a column has another length. */
export function tableOf(rows: number, columns: Iterable<readonly [string, Column]>): Table {
  const found = new Map<string, Column>();
  for (const [name, column] of columns) {
    if (found.has(name)) throw new CustomerError(`Two columns would be called '${name}'.`);
    const length = column.kind === "text" ? column.codes.length : column.values.length;
    if (column.kind !== "sparse" && length !== rows) {
      throw new CustomerError(`Column '${name}' has ${length} rows where the table has ${rows}.`);
    }
    found.set(name, column);
  }
  return { rows, columns: found };
}

/** @throws CustomerError naming the column that is not there. */
export function columnOf({ columns }: Table, name: string): Column {
  const column = columns.get(name);
  if (column !== undefined) return column;
  const names = [...columns.keys()].slice(0, 20).map((each) => `'${each}'`);
  throw new CustomerError(`There is no column '${name}'. The columns are ${names.join(", ") || "none"}.`);
}

/** Some rows, in the order of `rows`; a row may come more than once. */
export function gatherRows({ rows: count, columns }: Table, rows: Uint32Array): Table {
  return tableOf(
    rows.length,
    [...columns].map(([name, column]) => [name, gather(column, rows, count)] as const),
  );
}

/** Columns by name, by type, or all of them. */
export type Selector = "all" | readonly string[] | { readonly type: ColumnType; readonly except?: readonly string[] };

/** Names of the selected columns. @throws CustomerError for a name that is not there. */
export function select(table: Table, selector: Selector): string[] {
  if (selector === "all") return [...table.columns.keys()];
  if ("type" in selector) {
    const except = new Set(selector.except);
    return [...table.columns]
      .filter(([name, column]) => typeOf(column) === selector.type && !except.has(name))
      .map(([name]) => name);
  }
  for (const name of selector) columnOf(table, name);
  return [...new Set(selector)];
}

/** Only these columns. */
export function pickColumns(table: Table, names: readonly string[]): Table {
  return tableOf(
    table.rows,
    names.map((name) => [name, columnOf(table, name)] as const),
  );
}

/**
 * The table with some columns replaced: what keeps its name stays in its place, what has a new one comes last.
 * @throws CustomerError when a new column has the name of one that was not replaced.
 */
export function replaceColumns(table: Table, replaced: readonly string[], by: Table): Table {
  const gone = new Set(replaced);
  const left = new Map(by.columns);
  const columns: [string, Column][] = [];
  for (const [name, column] of table.columns) {
    if (!gone.has(name)) columns.push([name, column]);
    else {
      const own = left.get(name);
      if (own === undefined) continue;
      columns.push([name, own]);
      left.delete(name);
    }
  }
  return tableOf(table.rows, [...columns, ...left]);
}
