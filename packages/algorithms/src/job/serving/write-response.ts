import { encodeRecordFrames } from "../../formats/recordio-protobuf/encode.ts";
import type { PredictionColumn, Predictions, ResponseFormat } from "../algorithm.ts";
import { type MediaType, mediaType } from "./media-types.ts";

/** Writes predictions in the form that the built-in algorithms answer in (spec: algorithms, section 4). */
export function writeResponse(predictions: Predictions, type: MediaType, { wrapper }: ResponseFormat): string | Buffer {
  switch (type) {
    case mediaType.json:
      return `{"${wrapper}":[${eachRow(predictions, jsonObject).join(",")}]}`;
    case mediaType.jsonLines:
      return eachRow(predictions, jsonObject).join("\n");
    case mediaType.csv:
      return eachRow(predictions, csvLine).join("\n");
    case mediaType.recordIo:
      return encodeRecordFrames(
        eachRow(predictions, (columns, row) => ({
          features: new Map(),
          label: new Map(columns.map((column) => [column.name, { type: "float32", values: valuesOf(column, row) }])),
        })),
      );
  }
}

function eachRow<T>(
  { rows, columns }: Predictions,
  write: (columns: readonly PredictionColumn[], row: number) => T,
): T[] {
  return Array.from({ length: rows }, (_, row) => write(columns, row));
}

function jsonObject(columns: readonly PredictionColumn[], row: number): string {
  let text = "";
  for (const column of columns) {
    const { name, width, values } = column;
    const value =
      width === undefined
        ? jsonNumber(column, values[row])
        : `[${Array.from(valuesOf(column, row), (number) => jsonNumber(column, number)).join(",")}]`;
    text += `${text === "" ? "" : ","}"${name}":${value}`;
  }
  return `{${text}}`;
}

function csvLine(columns: readonly PredictionColumn[], row: number): string {
  return columns
    .map((column) => Array.from(valuesOf(column, row), (number) => numberText(column, number)).join(","))
    .join(",");
}

/** JSON has no NaN and no infinities. */
function jsonNumber(column: PredictionColumn, value: number | undefined): string {
  return value !== undefined && Number.isFinite(value) ? numberText(column, value) : "null";
}

function numberText({ isFloat }: PredictionColumn, value: number): string {
  const text = String(value);
  return isFloat === true && Number.isInteger(value) && !text.includes("e") ? `${text}.0` : text;
}

function valuesOf({ width = 1, values }: PredictionColumn, row: number): Float32Array | Float64Array {
  return values.subarray(row * width, (row + 1) * width);
}
