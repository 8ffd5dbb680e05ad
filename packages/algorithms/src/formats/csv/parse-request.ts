import { RequestError } from "../../job/errors.ts";
import type { DenseRows } from "../rows.ts";
import { readOddField } from "./odd-field.ts";
import { countFields, countRows, fieldText, parseRows, parseStatus } from "./parse-rows.ts";

/**
 * Reads rows of features from a request.
 * @param labelWidth - Leading columns that are labels, and are dropped.
 * @throws RequestError 400 naming the row that does not fit.
 */
export function parseCsvRequest(body: Uint8Array, featureDim: number, labelWidth: number): DenseRows {
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
