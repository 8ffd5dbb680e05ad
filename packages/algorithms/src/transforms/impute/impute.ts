import { CustomerError } from "../../job/errors.ts";
import { momentsOf, quantile, sortedPresent, valuesOf } from "../numbers.ts";
import { flag, numberOrText, oneOf } from "../options.ts";
import { type Column, dates, numeric, type TextColumn } from "../table/column.ts";
import { type Table, tableOf } from "../table/table.ts";
import { compareTexts } from "../texts.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";

/** Replaces missing values, each column's by one of its own. Text has only a mode, or takes a constant. */
export interface ImputeSpec extends TransformSpec {
  readonly kind: "impute";
  readonly strategy: "constant" | "mean" | "median" | "mode";
  /** For `constant`: a number for columns of numbers (0 by default) and dates, a text for text ("missing" by default). */
  readonly value?: number | string;
  /** Whether a column of 0 and 1 is added for each that has gaps in training, which says where they are. */
  readonly indicator?: boolean;
}

interface State {
  readonly values: readonly (number | string)[];
  /** Columns that get an indicator. */
  readonly indicated: readonly string[];
}

export const impute: TransformKind<ImputeSpec, State> = {
  kind: "impute",
  options: {
    strategy: oneOf("constant", "mean", "median", "mode"),
    value: numberOrText,
    indicator: flag,
  },
  takes: ["numeric", "text", "date"],
  fit({ table }, spec) {
    if (spec.strategy === undefined) throw new CustomerError("Transform 'impute' needs the option 'strategy'.");
    const columns = [...table.columns];
    const hasGaps = (column: Column) => gapsOf(column, table.rows).includes(1);
    return {
      state: {
        values: columns.map(([name, column]) => valueFor(name, column, table.rows, spec)),
        indicated: spec.indicator ? columns.filter(([, column]) => hasGaps(column)).map(([name]) => name) : [],
      },
    };
  },
  open({ values, indicated }) {
    return (table) => {
      let place = 0;
      const filled = Array.from(
        table.columns,
        ([name, column]) => [name, fill(column, values[place++] as number | string)] as const,
      );
      return tableOf(table.rows, [...filled, ...indicators(table, indicated)]);
    };
  },
};

/** Columns of 0 and 1 that say where values are missing. */
export function indicators(table: Table, names: readonly string[]): [string, Column][] {
  return names.map((name) => {
    const column = table.columns.get(name) as Column;
    return [`${name} is missing`, numeric(gapsOf(column, table.rows))];
  });
}

function gapsOf(column: Column, rows: number): Float64Array {
  if (column.kind === "text") return Float64Array.from(column.codes, (code) => (code < 0 ? 1 : 0));
  return valuesOf(column, rows).map((value) => (Number.isNaN(value) ? 1 : 0));
}

function valueFor(name: string, column: Column, rows: number, { strategy, value }: ImputeSpec): number | string {
  if (column.kind === "text") {
    if (strategy === "constant") return String(value ?? "missing");
    if (strategy === "mode") return modeOfTexts(column) ?? "missing";
    throw new CustomerError(`Column '${name}' holds text: it has no ${strategy}. Use 'mode' or 'constant'.`);
  }
  const values = valuesOf(column, rows);
  switch (strategy) {
    case "constant":
      if (typeof value === "string") throw new CustomerError(`Column '${name}' needs a number as 'value'.`);
      return value ?? 0;
    case "mean": {
      const { count, mean } = momentsOf(values);
      return count === 0 ? 0 : mean;
    }
    case "median": {
      const sorted = sortedPresent(values);
      return sorted.length === 0 ? 0 : quantile(sorted, 0.5);
    }
    case "mode":
      return modeOf(values);
  }
}

function fill(column: Column, value: number | string): Column {
  if (column.kind === "sparse") {
    return { ...column, values: column.values.map((each) => (Number.isNaN(each) ? (value as number) : each)) };
  }
  if (column.kind !== "text") {
    const filled = column.values.map((each) => (Number.isNaN(each) ? (value as number) : each));
    return column.kind === "date" ? dates(filled) : numeric(filled);
  }
  if (!column.codes.includes(-1)) return column;
  const place = column.texts.indexOf(value as string);
  const texts = place < 0 ? [...column.texts, value as string] : column.texts;
  const code = place < 0 ? texts.length - 1 : place;
  return { kind: "text", texts, codes: column.codes.map((each) => (each < 0 ? code : each)) };
}

/** The most frequent value, the smallest among equals; 0 where there is none. */
function modeOf(values: Float64Array): number {
  const sorted = sortedPresent(values);
  let [mode, most] = [0, 0];
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    while (to < sorted.length && sorted[to] === sorted[from]) to++;
    if (to - from > most) [mode, most] = [sorted[from] as number, to - from];
  }
  return mode;
}

/** The most frequent text, the first in order among equals. */
function modeOfTexts({ codes, texts }: TextColumn): string | undefined {
  const counts = new Uint32Array(texts.length);
  for (const code of codes) if (code >= 0) counts[code] = (counts[code] as number) + 1;
  let mode: string | undefined;
  let most = 0;
  for (const [code, count] of counts.entries()) {
    const name = texts[code] as string;
    if (count < most || count === 0) continue;
    if (count > most || compareTexts(name, mode as string) < 0) [mode, most] = [name, count];
  }
  return mode;
}
