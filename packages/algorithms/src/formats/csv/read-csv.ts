import { closeSync, openSync, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { workerFile } from "../../job/build-files.ts";
import { CustomerError } from "../../job/errors.ts";
import type { Table } from "../rows.ts";
import type { SourceFile } from "../source-file.ts";
import { type TableLimits, takeTableRoom } from "../table-memory.ts";
import { BlockQueue } from "./block-queue.ts";
import type { CsvTarget, CsvWork } from "./csv.worker.ts";
import { type Block, BlockReader, markLength, planBlocks } from "./csv-blocks.ts";
import { delimiterOf, putCommas } from "./delimiter.ts";
import { countFields, type RowShape } from "./parse-rows.ts";
import { rowError } from "./row-error.ts";

export interface CsvOptions extends TableLimits {
  /** Leading columns that are labels. */
  readonly labelWidth: number;
  /** Refuses files whose rows have another number of features. */
  readonly featureDim?: number | undefined;
  /** Whether the first row may have another delimiter than a comma, which is then that of all files. */
  readonly sniffsDelimiter?: boolean | undefined;
  /** Threads to read with, this one included. */
  readonly cpus: number;
  /** Stops reading between blocks. */
  readonly signal?: AbortSignal | undefined;
  /** How much text a thread takes at a time; the result does not depend on it. */
  readonly blockBytes?: number;
}

/** About what one thread reads while another one starts. */
const bytesPerThread = 4 * 1024 * 1024;
/** Between these many blocks the event loop gets a turn, so that a signal to stop is seen (some 30 ms). */
const blocksPerTurn = 16;

/**
 * Reads numeric CSV files without a header into one table, on several threads, in two passes: rows are counted, and
 * then read straight to their place. So memory is bounded by the table, and the result is the same on any number of
 * threads. Blank lines are passed over; empty fields and the usual words for them are NaN.
 * @throws CustomerError naming file and line where rows differ in width or a value is not a number.
 */
export async function readCsv(files: readonly SourceFile[], options: CsvOptions): Promise<Table> {
  const shape = { labelWidth: options.labelWidth, ...firstRowShape(files, options) };
  const blocks = planBlocks(files, options.blockBytes);
  const queue = BlockQueue.of(blocks.length);
  const totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const helpers = startHelpers(Math.min(options.cpus, Math.ceil(totalBytes / bytesPerThread)) - 1, {
    files,
    blocks,
    shape,
    queue: queue.shared,
  });
  const reader = new BlockReader(files, shape);
  try {
    await eachBlock(
      () => queue.takeToCount(),
      options.signal,
      (i) => queue.counted(i, reader.count(blocks[i] as Block)),
    );
    await helpers.orFail(queue.allCounted());
    const { table, target } = allocate(blocks.length, shape, queue, options);
    helpers.send(target);
    await eachBlock(
      () => queue.takeToRead(),
      options.signal,
      (i) => queue.read(i, i < queue.firstFault && readBlock(reader, blocks, i, queue, target) !== undefined),
    );
    await helpers.orFail(queue.allRead());
    const faulty = queue.firstFault;
    // Read again for its message: which thread came upon it first is chance, which block is first is not.
    if (faulty < blocks.length) throw rowError(files, readBlock(reader, blocks, faulty, queue, target));
    return table;
  } finally {
    reader.close();
    helpers.end();
  }
}

function readBlock(reader: BlockReader, blocks: readonly Block[], i: number, queue: BlockQueue, target: CsvTarget) {
  const { labels, features, starts } = target;
  return reader.read(blocks[i] as Block, queue.rows(i), { labels, features, firstRow: starts[i] ?? 0 });
}

async function eachBlock(
  take: () => number | undefined,
  signal: AbortSignal | undefined,
  work: (block: number) => void,
): Promise<void> {
  let taken = 0;
  for (let block = take(); block !== undefined; block = take()) {
    work(block);
    if (++taken % blocksPerTurn !== 0) continue;
    await setImmediate();
    signal?.throwIfAborted();
  }
}

function allocate(blocks: number, { labelWidth, columns }: RowShape, queue: BlockQueue, limits: TableLimits) {
  const starts = new Float64Array(new SharedArrayBuffer(blocks * 8));
  let count = 0;
  for (let i = 0; i < blocks; i++) {
    starts[i] = count;
    count += queue.rows(i);
  }
  takeTableRoom(count * columns * 4, limits);
  const width = columns - labelWidth;
  const labels = new Float32Array(new SharedArrayBuffer(count * labelWidth * 4));
  const features = new Float32Array(new SharedArrayBuffer(count * width * 4));
  const table: Table = { features: { kind: "dense", count, width, values: features }, labels, labelWidth };
  return { table, target: { labels, features, starts } };
}

function startHelpers(count: number, work: CsvWork) {
  const workers = Array.from(
    { length: Math.max(0, count) },
    () => new Worker(workerFile(import.meta.url, "csv.worker"), { workerData: work }),
  );
  const { promise: failure, reject } = Promise.withResolvers<never>();
  failure.catch(() => undefined); // seen by whoever waits in orFail; nobody may be waiting when it comes
  for (const worker of workers) worker.on("error", reject);
  return {
    orFail: async (work: Promise<void>) => await Promise.race([work, failure]),
    send: (target: CsvTarget) => {
      for (const worker of workers) worker.postMessage(target);
    },
    end: () => {
      // They may be idle still (started late) or waiting for a target that never comes. Nothing waits for their end.
      for (const worker of workers) void worker.terminate();
    },
  };
}

/**
 * Number of features, which the first row decides.
 * @throws CustomerError where it is not the one expected, or where there is no row.
 */
export function firstRowWidth(
  files: readonly SourceFile[],
  { labelWidth, featureDim }: Pick<CsvOptions, "labelWidth" | "featureDim">,
): number {
  return firstRowShape(files, { labelWidth, featureDim }).columns - labelWidth;
}

/** Number of columns and the delimiter, which the first row decides. */
function firstRowShape(
  files: readonly SourceFile[],
  {
    labelWidth,
    featureDim,
    sniffsDelimiter = false,
  }: Pick<CsvOptions, "labelWidth" | "featureDim" | "sniffsDelimiter">,
): Pick<RowShape, "columns" | "delimiter"> {
  for (const file of files) {
    const { columns, delimiter } = firstRowOf(file, sniffsDelimiter);
    if (columns === 0) continue;
    if (columns <= labelWidth) {
      throw new CustomerError(
        `${file.name}: the first row has ${columns} value(s), too few for ${labelWidth} label(s) and a feature.`,
      );
    }
    if (featureDim !== undefined && columns - labelWidth !== featureDim) {
      throw new CustomerError(
        `${file.name}: the first row has ${columns - labelWidth} features where ${featureDim} were expected.`,
      );
    }
    return { columns, delimiter };
  }
  throw new CustomerError("The channel has no rows: all of its files are empty.");
}

/** @returns 0 columns when the file has no row. */
function firstRowOf(
  { path, sizeBytes }: SourceFile,
  sniffsDelimiter: boolean,
): { readonly columns: number; readonly delimiter: number | undefined } {
  const descriptor = openSync(path, "r");
  try {
    for (let size = Math.min(sizeBytes, 64 * 1024); size > 0; size = Math.min(sizeBytes, size * 8)) {
      const bytes = Buffer.alloc(size);
      const text = bytes.subarray(0, readSync(descriptor, bytes, 0, size, 0));
      const mark = markLength(text);
      const start = text.findIndex((byte, at) => at >= mark && byte !== 0x0a && byte !== 0x0d);
      const isWhole = start >= 0 && text.indexOf(0x0a, start) >= 0;
      if (!isWhole && size !== sizeBytes) continue;
      if (start < 0) break;
      const delimiter = sniffsDelimiter ? delimiterOf(text, start) : undefined;
      putCommas(text, delimiter);
      return { columns: countFields(text, start), delimiter };
    }
    return { columns: 0, delimiter: undefined };
  } finally {
    closeSync(descriptor);
  }
}
