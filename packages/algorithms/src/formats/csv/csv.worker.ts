import { parentPort, workerData } from "node:worker_threads";
import type { SourceFile } from "../source-file.ts";
import { BlockQueue } from "./block-queue.ts";
import { type Block, BlockReader } from "./csv-blocks.ts";
import type { RowShape } from "./parse-rows.ts";

/** What the thread that reads a channel tells its helpers at the start. */
export interface CsvWork {
  readonly files: readonly SourceFile[];
  readonly blocks: readonly Block[];
  readonly shape: RowShape;
  readonly queue: SharedArrayBuffer;
}

/** And once all rows are counted: where they go. */
export interface CsvTarget {
  readonly labels: Float32Array;
  readonly features: Float32Array;
  /** First row of each block. */
  readonly starts: Float64Array;
}

const { files, blocks, shape, queue: shared }: CsvWork = workerData;
const queue = BlockQueue.over(shared);
const reader = new BlockReader(files, shape);

for (let i = queue.takeToCount(); i !== undefined; i = queue.takeToCount()) {
  queue.counted(i, reader.count(blocks[i] as Block));
}

parentPort?.once("message", ({ labels, features, starts }: CsvTarget) => {
  for (let i = queue.takeToRead(); i !== undefined; i = queue.takeToRead()) {
    if (i > queue.firstFault) {
      queue.read(i, false);
      continue;
    }
    const target = { labels, features, firstRow: starts[i] ?? 0 };
    queue.read(i, reader.read(blocks[i] as Block, queue.rows(i), target) !== undefined);
  }
  reader.close();
});
