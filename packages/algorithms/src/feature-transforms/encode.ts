import { quoteField } from "../autopilot/data/delimited.ts";
import { encodeRecordFrames } from "../formats/recordio-protobuf/encode.ts";
import { CustomerError, RequestError } from "../job/errors.ts";
import type { MediaType } from "../job/serving/media-types.ts";
import { type Column, denseValues, type TextColumn } from "../transforms/table/column.ts";
import type { Table } from "../transforms/table/table.ts";
import { toRows } from "../transforms/table/to-rows.ts";

/** Rows at a time: text of so many rows is joined before it is written. */
const blockRows = 1000;

type Field = number | string | null;

/** Reads a column row by row. Dates are milliseconds since 1970; a missing value is null. */
function readerOf(column: Column, rows: number): (row: number) => Field {
  if (column.kind === "text") {
    const { codes, texts }: TextColumn = column;
    return (row) => texts[codes[row] as number] ?? null;
  }
  const values = denseValues(column, rows);
  return (row) => {
    const value = values[row] as number;
    return Number.isFinite(value) ? value : null;
  };
}

/** CSV without a header, in blocks: the target first where there is one. A missing value is an empty field. */
export function* csvLines(table: Table, target?: Column): Generator<string> {
  const columns = [...(target ? [target] : []), ...table.columns.values()];
  const readers = columns.map((column) => readerOf(column, table.rows));
  for (let from = 0; from < table.rows; from += blockRows) {
    let block = "";
    for (let row = from; row < Math.min(table.rows, from + blockRows); row++) {
      block += `${readers.map((read) => csvField(read(row))).join(",")}\n`;
    }
    yield block;
  }
}

function csvField(field: Field): string {
  if (field === null) return "";
  return typeof field === "number" ? String(field) : quoteField(field);
}

/**
 * Writes rows in a form that the built-in algorithms read.
 * @throws RequestError 406 for records of what holds no numbers.
 */
export function encode(table: Table, type: MediaType): string | Buffer {
  switch (type) {
    case "text/csv":
      return [...csvLines(table)].join("");
    case "application/json":
      return `{"instances":[${jsonRows(table).join(",")}]}`;
    case "application/jsonlines":
      return `${jsonRows(table).join("\n")}\n`;
    case "application/x-recordio-protobuf":
      return records(table);
  }
}

function jsonRows(table: Table): string[] {
  const readers = Array.from(table.columns.values(), (column) => readerOf(column, table.rows));
  return Array.from({ length: table.rows }, (_, row) => JSON.stringify({ features: readers.map((read) => read(row)) }));
}

function records(table: Table): Buffer {
  const rows = rowsOf(table);
  return encodeRecordFrames(
    Array.from({ length: rows.count }, (_, row) => {
      if (rows.kind === "dense") {
        const values = rows.values.subarray(row * rows.width, (row + 1) * rows.width);
        return { features: new Map([["values", { type: "float32" as const, values }]]), label: new Map() };
      }
      const [from, to] = [rows.offsets[row] as number, rows.offsets[row + 1] as number];
      const sparse = {
        type: "float32" as const,
        values: rows.values.subarray(from, to),
        keys: [...rows.columns.subarray(from, to)],
        shape: [rows.width],
      };
      return { features: new Map([["values", sparse]]), label: new Map() };
    }),
  );
}

function rowsOf(table: Table) {
  try {
    return toRows(table);
  } catch (error) {
    if (error instanceof CustomerError) {
      throw new RequestError(406, `RecordIO-protobuf holds numbers only. ${error.message}`, { cause: error });
    }
    throw error;
  }
}
