import { existsSync } from "node:fs";
import { buildFile } from "../../job/build-files.ts";
import { RequestError } from "../../job/errors.ts";
import type { DenseRows } from "../rows.ts";
import { CsvKernel } from "./csv-kernel.ts";
import { readOddField } from "./odd-field.ts";
import { countFields, countRows, fieldText, parseRows, parseStatus } from "./parse-rows.ts";

/** Bodies from this size on are read by the kernel: copying them into its memory costs little then, and reading half. */
const kernelBytes = 64 * 1024;

/**
 * Reads rows of features from a request.
 * @param labelWidth - Leading columns that are labels, and are dropped.
 * @throws RequestError 400 naming the row that does not fit.
 */
export function parseCsvRequest(body: Uint8Array, featureDim: number, labelWidth: number): DenseRows {
  const plain = body.length < kernelBytes ? undefined : readPlain(body, featureDim, labelWidth);
  if (plain !== undefined) return plain;
  const count = countRows(body, 0, body.length);
  if (count === 0) throw new RequestError(400, "The body has no rows.");
  const values = new Float32Array(count * featureDim);
  const shape = { labelWidth, columns: featureDim + labelWidth };
  const target = { labels: new Float32Array(count * labelWidth), features: values, firstRow: 0 };
  const { status, at, rows, odd } = parseRows(body, 0, body.length, shape, target);
  if (status !== parseStatus.done) {
    const found = countFields(body, at) - labelWidth;
    throw new RequestError(400, `Row ${rows + 1} has ${found} features where the model takes ${featureDim}.`);
  }
  for (const { row, column, at: field, length } of odd) {
    const text = fieldText(body, field, length);
    const value = readOddField(text);
    if (value === undefined) {
      throw new RequestError(400, `Value ${column + 1} of row ${row + 1} is not a number: '${text.slice(0, 40)}'.`);
    }
    if (column >= labelWidth) values[row * featureDim + column - labelWidth] = value;
  }
  return { kind: "dense", count, width: featureDim, values };
}

/** One for each thread. */
let kernel: CsvKernel | undefined;

/** Text that the kernel reads at a time: it and its numbers stay in a cache, and calls are many enough to be compiled well soon. */
const pieceBytes = 256 * 1024;
const lineFeed = 0x0a;

/**
 * Reads a body that has nothing but whole rows of plain numbers and empty fields.
 * @returns `undefined` for any other, and where the kernel was not built.
 */
function readPlain(body: Uint8Array, featureDim: number, labelWidth: number): DenseRows | undefined {
  if (kernel === undefined && !existsSync(buildFile("csv.wasm"))) return undefined;
  kernel ??= new CsvKernel();
  const shape = { labelWidth, columns: featureDim + labelWidth };
  const pieces: Float32Array[] = [];
  let count = 0;
  for (let at = 0; at < body.length; ) {
    const piece = body.subarray(at, pieceEnd(body, at));
    const { length } = piece;
    kernel.text(length, shape.columns).set(piece);
    const maxRows = kernel.countRows(0, length);
    const { status, odd, rows, features } = kernel.parseRows({ begin: 0, end: length, length, maxRows }, shape);
    if (status !== parseStatus.done || odd.length > 0) return undefined;
    pieces.push(features.slice());
    count += rows;
    at += length;
  }
  if (count === 0) return undefined;
  const values = new Float32Array(count * featureDim);
  let filled = 0;
  for (const piece of pieces) {
    values.set(piece, filled);
    filled += piece.length;
  }
  return { kind: "dense", count, width: featureDim, values };
}

/** Behind the last line that ends in the piece that begins at `at`, or behind the first line where that is longer. */
function pieceEnd(body: Uint8Array, at: number): number {
  if (at + pieceBytes >= body.length) return body.length;
  const inside = body.lastIndexOf(lineFeed, at + pieceBytes - 1) + 1;
  if (inside > at) return inside;
  const behind = body.indexOf(lineFeed, at + pieceBytes);
  return behind < 0 ? body.length : behind + 1;
}
