import { expect } from "vitest";
import { fitTransform, openTransform } from "../fit.ts";
import type { Texts, Values } from "../fixtures/reference.ts";
import { type AnySpec } from "../kinds.ts";
import { type Column, denseValues, numeric, type TextColumn, text } from "../table/column.ts";
import { gatherRows, type Table, tableOf } from "../table/table.ts";
import type { FitResult, Training } from "../transform.ts";

/** A table of columns `a`, `b` and so on; null is missing. */
export function numbersTable(columns: readonly Values[]): Table {
  const made = columns.map((values) => numeric(values.map((value) => value ?? Number.NaN)));
  return lettered(made, columns[0]?.length ?? 0);
}

export function textsTable(columns: readonly Texts[]): Table {
  return lettered(columns.map(text), columns[0]?.length ?? 0);
}

function lettered(columns: readonly Column[], rows: number): Table {
  return tableOf(
    rows,
    columns.map((column, i) => [String.fromCharCode(97 + i), column]),
  );
}

/** Every column as a list, with null for missing values. */
export function listsOf({ rows, columns }: Table): (readonly (number | string | null)[])[] {
  return Array.from(columns.values(), (column) =>
    column.kind === "text"
      ? Array.from(column.codes, (code) => column.texts[code] ?? null)
      : Array.from(denseValues(column, rows), (value) => (Number.isNaN(value) ? null : value)),
  );
}

/**
 * Fits, and checks what must hold of every transform: the fitted one is JSON, gives the same after a round trip, changes
 * nothing of what it is given, and gives each row alone what it gives it among others.
 */
export function fitAndCheck(spec: AnySpec, training: Training, others: Table = training.table): FitResult {
  const before = listsOf(others);
  const result = fitTransform(spec, training);
  const json = JSON.stringify(result.fitted);
  const apply = openTransform(JSON.parse(json));
  const all = apply(others);
  expect(JSON.stringify(result.fitted)).toBe(json);
  expect(listsOf(others)).toEqual(before);
  expect(listsOf(openTransform(result.fitted)(others))).toEqual(listsOf(all));
  for (let row = 0; row < others.rows; row += 5) {
    const one = apply(alone(others, row));
    expect([...one.columns.keys()]).toEqual([...all.columns.keys()]);
    expect(listsOf(one)).toEqual(listsOf(all).map((column) => [column[row] ?? null]));
  }
  return result;
}

/** A row as it comes to a server: by itself, with only its own texts. */
function alone(table: Table, row: number): Table {
  const one = gatherRows(table, Uint32Array.of(row));
  return tableOf(
    1,
    Array.from(
      one.columns,
      ([name, column]) => [name, column.kind === "text" ? text([textAt(column, 0)]) : column] as const,
    ),
  );
}

function textAt({ codes, texts }: TextColumn, row: number): string | null {
  return texts[codes[row] as number] ?? null;
}

/** @param tolerance - Relative to the larger of 1 and the wanted value. */
export function expectColumns(table: Table, wanted: readonly (Values | Texts)[], tolerance: number): void {
  const found = listsOf(table);
  const names = [...table.columns.keys()];
  expect(found.length, `columns ${names.join(", ")}`).toBe(wanted.length);
  for (const [i, values] of wanted.entries()) {
    expect(found[i]?.length, names[i]).toBe(values.length);
    for (const [row, value] of values.entries()) {
      const ours = found[i]?.[row] ?? null;
      const where = `${names[i]}, row ${row}: ${ours} for ${value}`;
      if (typeof value !== "number" || typeof ours !== "number") expect(ours, where).toBe(value);
      else expect(Math.abs(ours - value) <= tolerance * Math.max(1, Math.abs(value)), where).toBe(true);
    }
  }
}
