import { CustomerError } from "../../job/errors.ts";
import type { Rows } from "../rows.ts";
import { decodeRecord } from "./decode.ts";
import { framesIn, type Payload } from "./frames.ts";
import type { ProtobufRecord } from "./record.ts";
import { TableFiller, TableMeasure } from "./table-builder.ts";
import { MalformedMessage } from "./wire-reader.ts";

/**
 * Reads the rows of features of a request's body; labels in it are passed over.
 * @throws CustomerError naming the record that does not fit.
 */
export function decodeRows(body: Uint8Array, featureDim: number): Rows {
  const measure = new TableMeasure(0, featureDim);
  const records: ProtobufRecord[] = [];
  for (const frame of framesIn(body, "The body")) {
    const record = decodeFrame(frame, "The body");
    measure.add(record, `Record ${frame.number}`);
    records.push(record);
  }
  if (records.length === 0) throw new CustomerError("The body has no rows.");
  const filler = new TableFiller(measure.size);
  for (const [i, record] of records.entries()) filler.add(record, `Record ${i + 1}`);
  return filler.table.features;
}

/** Decodes a frame's record. @throws CustomerError naming the record where it is malformed. */
export function decodeFrame({ bytes, at, end, number }: Payload, name: string): ProtobufRecord {
  try {
    return decodeRecord(bytes, at, end);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    throw new CustomerError(`${name}, record ${number}: not a protocol buffers Record (${error.message}).`, {
      cause: error,
    });
  }
}
