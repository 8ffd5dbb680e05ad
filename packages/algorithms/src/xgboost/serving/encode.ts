import { encodeRecordFrames } from "../../formats/recordio-protobuf/encode.ts";
import { type MediaType, mediaType } from "../../job/serving/media-types.ts";
import { pythonFloat } from "../python-number.ts";

/** A value of an answer. Whole numbers that are labels are written as such. */
export type OutputValue = number | readonly number[] | WholeNumbers;

/** Labels, which are written without a point. */
export interface WholeNumbers {
  readonly whole: number | readonly number[];
}

/** What is answered, row by row. */
export interface Output {
  readonly keys: readonly string[];
  /** Values in the order of the keys. */
  readonly rows: readonly (readonly OutputValue[])[];
  /** Whether this is the one score of each row that is answered when nothing is selected. */
  readonly isPlain: boolean;
}

/** Writes an answer in one of the types. */
export function encode(output: Output, type: MediaType, { isBatch }: { isBatch: boolean }): string | Buffer {
  switch (type) {
    case mediaType.json:
      return `{"predictions": [${output.rows.map((row) => jsonObject(output.keys, row)).join(", ")}]}`;
    case mediaType.jsonLines:
      return output.rows.map((row) => jsonObject(output.keys, row)).join("\n");
    case mediaType.csv:
      return output.rows
        .map((row) => (output.isPlain ? plainLine(row[0] as OutputValue, isBatch) : csvLine(row)))
        .join("\n");
    case mediaType.recordIo:
      return encodeRecordFrames(
        output.rows.map((row) => ({
          features: new Map(),
          label: new Map(
            output.keys.map((key, i) => [key, { type: "float32", values: numbersOf(row[i] as OutputValue) }]),
          ),
        })),
      );
  }
}

/** The same of one score for each row, as CSV. */
export function scoreLines(scores: Float32Array): string {
  return Array.from(scores, pythonFloat).join("\n");
}

function jsonObject(keys: readonly string[], row: readonly OutputValue[]): string {
  return `{${keys.map((key, i) => `"${key}": ${pythonText(row[i] as OutputValue, jsonNumber)}`).join(", ")}}`;
}

/** What Python's `json.dumps` and `str` make of a number or of a list. */
function pythonText(value: OutputValue, number: (value: number) => string): string {
  if (typeof value === "number") return number(value);
  if ("whole" in value) return pythonText(value.whole, (each) => String(each));
  return `[${value.map(number).join(", ")}]`;
}

function jsonNumber(value: number): string {
  return Number.isNaN(value)
    ? "NaN"
    : Number.isFinite(value)
      ? pythonFloat(value)
      : value > 0
        ? "Infinity"
        : "-Infinity";
}

/** Scores of a row with commas between them; in batches a list as Python writes it. */
function plainLine(value: OutputValue, isBatch: boolean): string {
  if (typeof value === "number" || isBatch) return pythonText(value, pythonFloat);
  return numbersOf(value).map(pythonFloat).join(",");
}

function csvLine(row: readonly OutputValue[]): string {
  return row
    .map((value) => pythonText(value, pythonFloat))
    .map((text) => (text.includes(",") ? `"${text}"` : text))
    .join(",");
}

function numbersOf(value: OutputValue): number[] {
  if (typeof value === "number") return [value];
  return "whole" in value ? numbersOf(value.whole) : [...value];
}
