import { type Column, dates, numeric, text } from "../../transforms/table/column.ts";
import { type Table, tableOf } from "../../transforms/table/table.ts";
import type { ColumnKind } from "../analysis/column-types.ts";
import { columnOf, numberOf, type RawTable } from "../data/raw-table.ts";
import { timeOf } from "../data/time-of.ts";

/** A column of the data that features are made of. */
export interface InputColumn {
  readonly name: string;
  readonly kind: ColumnKind;
}

/** What a column is called among transforms: whatever its owner calls it, made-up names cannot meet it there. */
export function innerName(index: number): string {
  return `c${index}`;
}

/** The name of a feature as people should read it. */
export function outerName(feature: string, inputs: readonly InputColumn[]): string {
  return feature.replace(/^c(\d+)/, (_, index: string) => (inputs[Number(index)] as InputColumn).name);
}

/** Columns of text as transforms want them, by what they hold. */
export function toTable(raw: RawTable, inputs: readonly InputColumn[]): Table {
  const columns = inputs.map(
    ({ name, kind }, index) => [innerName(index), columnFor(columnOf(raw, name), kind)] as const,
  );
  return tableOf(raw.count, columns);
}

function columnFor(values: readonly string[], kind: ColumnKind): Column {
  switch (kind) {
    case "numeric":
      return numeric(values.map(numberOf));
    case "datetime":
      return dates(values.map((value) => timeOf(value) * 1000));
    case "categorical":
    case "text":
      return text(values.map((value) => (value === "" ? null : value)));
  }
}
