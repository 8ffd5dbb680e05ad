import { CustomerError } from "../../job/errors.ts";
import type { Rows } from "../rows.ts";
import { framesIn } from "./frames.ts";
import { PlainRow } from "./plain-row.ts";
import { TableFiller, TableMeasure } from "./table-builder.ts";

/**
 * Reads the rows of features of a request's body; labels in it are passed over.
 * @throws CustomerError naming the record that does not fit.
 */
export function decodeRows(body: Uint8Array, featureDim: number): Rows {
  const row = new PlainRow();
  const measure = new TableMeasure(0, featureDim);
  for (const frame of framesIn(body, "The body")) {
    row.read(frame);
    measure.add(row);
  }
  if (measure.size.count === 0) throw new CustomerError("The body has no rows.");
  const filler = new TableFiller(measure.size);
  for (const frame of framesIn(body, "The body")) {
    row.read(frame);
    filler.add(row);
  }
  return filler.table.features;
}
