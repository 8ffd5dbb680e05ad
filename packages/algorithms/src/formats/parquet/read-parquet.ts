import { closeSync, openSync, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { CustomerError } from "../../job/errors.ts";
import type { Table } from "../rows.ts";
import type { SourceFile } from "../source-file.ts";
import { checkTableFits } from "../table-memory.ts";
import { type FileMetadata, ParquetFault, readMetadata } from "./file-metadata.ts";
import { readColumn } from "./read-column.ts";

export interface ParquetOptions {
  /** Leading columns that are labels. */
  readonly labelWidth: number;
  readonly featureDim?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Refuses a table larger than this. */
  readonly memoryBytes?: number | undefined;
}

/** A Parquet file, or one of several that follow each other in a stream. */
interface Part {
  readonly file: SourceFile;
  readonly begin: number;
  readonly metadata: FileMetadata;
}

const magic = Buffer.from("PAR1");

/**
 * Reads Parquet files of numbers into one dense table, column by column, without text in between. Rows keep their order.
 * @throws CustomerError naming the file, and the column where it is one, that does not fit.
 */
export async function readParquet(files: readonly SourceFile[], options: ParquetOptions): Promise<Table> {
  const parts = files
    .filter(({ sizeBytes }) => sizeBytes > 0)
    .flatMap((file) => inFile(file, (fd) => partsOf(file, fd)));
  const columns = checkColumns(parts, options);
  const count = parts.reduce((sum, { metadata }) => sum + metadata.rows, 0);
  if (count === 0) throw new CustomerError("The channel has no rows: all of its files are empty.");
  checkTableFits(count * columns * 4, options.memoryBytes);
  const { labelWidth } = options;
  const width = columns - labelWidth;
  const labels = new Float32Array(new SharedArrayBuffer(count * labelWidth * 4));
  const features = new Float32Array(new SharedArrayBuffer(count * width * 4));
  let row = 0;
  for (const part of parts) {
    await readPart(part, { labels, features, labelWidth, width, firstRow: row }, options.signal);
    row += part.metadata.rows;
  }
  return { features: { kind: "dense", count, width, values: features }, labels, labelWidth };
}

interface TableTarget {
  readonly labels: Float32Array;
  readonly features: Float32Array;
  readonly labelWidth: number;
  readonly width: number;
  readonly firstRow: number;
}

async function readPart(
  { file, begin, metadata }: Part,
  target: TableTarget,
  signal: AbortSignal | undefined,
): Promise<void> {
  const descriptor = openSync(file.path, "r");
  try {
    let firstRow = target.firstRow;
    for (const { rows, chunks } of metadata.groups) {
      for (const [index, chunk] of chunks.entries()) {
        const bytes = readAt(descriptor, begin + chunk.begin, chunk.size);
        explain(file, () =>
          readColumn(bytes, metadata.columns[index] as never, chunk, rows, placeOf(target, index, firstRow)),
        );
        await setImmediate();
        signal?.throwIfAborted();
      }
      firstRow += rows;
    }
  } finally {
    closeSync(descriptor);
  }
}

function placeOf({ labels, features, labelWidth, width }: TableTarget, column: number, row: number) {
  return column < labelWidth
    ? { values: labels, offset: row * labelWidth + column, stride: labelWidth }
    : { values: features, offset: row * width + column - labelWidth, stride: width };
}

/** @returns Columns of every part, labels included. */
function checkColumns(parts: readonly Part[], { labelWidth, featureDim }: ParquetOptions): number {
  const columns = parts[0]?.metadata.columns.length ?? 0;
  for (const { file, metadata } of parts) {
    const found = metadata.columns.length;
    if (found <= labelWidth) {
      throw new CustomerError(`${file.name} has ${found} column(s), too few for ${labelWidth} label(s) and a feature.`);
    }
    if (found !== columns) {
      throw new CustomerError(`${file.name} has ${found} columns where the first file has ${columns}.`);
    }
    if (featureDim !== undefined && found - labelWidth !== featureDim) {
      throw new CustomerError(`${file.name} has ${found - labelWidth} features where ${featureDim} were expected.`);
    }
  }
  return columns;
}

/** A stream of a Pipe channel holds whole files one after the other; a file on disk is one. */
function partsOf(file: SourceFile, descriptor: number): Part[] {
  const parts: Part[] = [];
  for (let end = file.sizeBytes; end > 0; ) {
    const { metadata, size } = explain(file, () => lastFile(descriptor, end));
    if (size > end) throw new CustomerError(`${file.name} is not whole: it is shorter than it says.`);
    const begin = end - size;
    parts.unshift({ file, begin, metadata });
    end = begin;
  }
  return parts;
}

/** The Parquet file that ends at `end`, and how long it is. */
function lastFile(descriptor: number, end: number): { metadata: FileMetadata; size: number } {
  if (end < 12) throw new ParquetFault("it is too short");
  const tail = readAt(descriptor, end - 8, 8);
  if (!tail.subarray(4).equals(magic)) throw new ParquetFault("it does not end with PAR1");
  const length = tail.readUInt32LE(0);
  if (length > end - 12) throw new ParquetFault("its description is longer than the file");
  const metadata = readMetadata(readAt(descriptor, end - 8 - length, length));
  const dataEnd = Math.max(
    4,
    ...metadata.groups.flatMap(({ chunks }) => chunks.map(({ begin, size }) => begin + size)),
  );
  // Between the data and the description there may be indexes; the file begins where its magic is.
  for (let size = dataEnd + length + 8; size <= end; size++) {
    if (readAt(descriptor, end - size, 4).equals(magic) && (size === end || endsAt(descriptor, end - size))) {
      return { metadata, size };
    }
  }
  throw new ParquetFault("it does not begin with PAR1");
}

function endsAt(descriptor: number, position: number): boolean {
  return position >= 12 && readAt(descriptor, position - 4, 4).equals(magic);
}

function readAt(descriptor: number, position: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; ) {
    const got = readSync(descriptor, bytes, at, size - at, position + at);
    if (got === 0) throw new ParquetFault("it is shorter than it says");
    at += got;
  }
  return bytes;
}

function inFile<T>({ path }: SourceFile, work: (descriptor: number) => T): T {
  const descriptor = openSync(path, "r");
  try {
    return work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Says which file bytes are of that are not what they should be. */
function explain<T>({ name }: SourceFile, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const isFault = error instanceof ParquetFault || error instanceof RangeError;
    const isCompression =
      error instanceof Error && /^(Z_|ERR__|ERR_BUFFER|ZSTD_)/.test(String((error as NodeJS.ErrnoException).code));
    if (!isFault && !isCompression) throw error;
    throw new CustomerError(`${name} cannot be read as Parquet: ${(error as Error).message}.`, { cause: error });
  }
}
