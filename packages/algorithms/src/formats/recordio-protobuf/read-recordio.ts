import { setImmediate } from "node:timers/promises";
import { CustomerError } from "../../job/errors.ts";
import type { Table } from "../rows.ts";
import type { SourceFile } from "../source-file.ts";
import { NoRoom, type TableLimits, takeTableRoom } from "../table-memory.ts";
import { framesInFile } from "./frames.ts";
import { PlainRow } from "./plain-row.ts";
import { TableFiller, TableMeasure, tableBytes } from "./table-builder.ts";

export interface RecordIoOptions extends TableLimits {
  readonly labelWidth: number;
  readonly featureDim?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Between these many records the event loop gets a turn, so that a signal to stop is seen. */
const recordsPerTurn = 20_000;

/**
 * Reads RecordIO-protobuf files into one table: dense when every record is, else sparse. Two passes, so that memory is
 * bounded by the table.
 * @throws CustomerError naming file and record that do not fit.
 */
export async function readRecordIo(files: readonly SourceFile[], options: RecordIoOptions): Promise<Table> {
  const measure = new TableMeasure(options.labelWidth, options.featureDim);
  const roomBytes = options.room?.leftForTables ?? Infinity;
  await eachRow(files, options.signal, (row) => {
    measure.add(row);
    // Long before the end of files that are far too large.
    if (measure.bytes > roomBytes) throw new NoRoom(`a table of more than ${roomBytes} bytes`);
  });
  if (measure.size.count === 0) throw new CustomerError("The channel has no rows: all of its files are empty.");
  takeTableRoom(tableBytes(measure.size), options);
  const filler = new TableFiller(measure.size);
  await eachRow(files, options.signal, (row) => filler.add(row));
  return filler.table;
}

/**
 * Number of features, which the first record decides.
 * @throws CustomerError where it is not the one expected, or where there is no record.
 */
export function firstRecordWidth(
  files: readonly SourceFile[],
  { labelWidth, featureDim }: Pick<RecordIoOptions, "labelWidth" | "featureDim">,
): number {
  const row = new PlainRow();
  const measure = new TableMeasure(labelWidth, featureDim);
  for (const file of files) {
    for (const frame of framesInFile(file)) {
      row.read(frame);
      measure.add(row);
      return measure.size.width;
    }
  }
  throw new CustomerError("The channel has no rows: all of its files are empty.");
}

async function eachRow(
  files: readonly SourceFile[],
  signal: AbortSignal | undefined,
  visit: (row: PlainRow) => void,
): Promise<void> {
  const row = new PlainRow();
  let seen = 0;
  for (const file of files) {
    for (const frame of framesInFile(file)) {
      row.read(frame);
      visit(row);
      if (++seen % recordsPerTurn !== 0) continue;
      await setImmediate();
      signal?.throwIfAborted();
    }
  }
}
