import { CustomerError } from "../../job/errors.ts";
import type { Rows } from "../rows.ts";
import { framesIn, type Payload } from "./frames.ts";
import { PlainRow } from "./plain-row.ts";
import { frameMagic } from "./record.ts";
import { TableFiller, TableMeasure } from "./table-builder.ts";

/**
 * Reads the rows of features of a request's body; labels in it are passed over. A record without its frame is a row as well:
 * batch transform takes the frame away where it sends one record at a time (SplitType RecordIO with SingleRecord).
 * @throws CustomerError naming the record that does not fit.
 */
export function decodeRows(body: Uint8Array, featureDim: number): Rows {
  const row = new PlainRow();
  const records = isBareRecord(body, row) ? () => [wholeOf(body)] : () => framesIn(body, "The body");
  const measure = new TableMeasure(0, featureDim);
  for (const frame of records()) {
    row.read(frame);
    measure.add(row);
  }
  if (measure.size.count === 0) throw new CustomerError("The body has no rows.");
  const filler = new TableFiller(measure.size);
  for (const frame of records()) {
    row.read(frame);
    filler.add(row);
  }
  return filler.table.features;
}

/** What the first byte of a record can be: the tag of its features or its labels. A frame's first byte is the same as one of them. */
const firstTags: readonly (number | undefined)[] = [0x0a, 0x12];

function isBareRecord(body: Uint8Array, row: PlainRow): boolean {
  if (!firstTags.includes(body[0])) return false;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.length >= 4 && view.getUint32(0, true) === frameMagic) return false;
  try {
    row.read(wholeOf(body));
    return true;
  } catch (error) {
    // No record either: that a frame was expected says more.
    if (error instanceof CustomerError) return false;
    throw error;
  }
}

function wholeOf(bytes: Uint8Array): Payload {
  return { bytes, at: 0, end: bytes.length, name: "The body", number: 1 };
}
