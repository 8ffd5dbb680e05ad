import { closeSync, openSync, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { CustomerError } from "../../job/errors.ts";
import type { Table } from "../rows.ts";
import type { SourceFile } from "../source-file.ts";
import { checkTableFits } from "../table-memory.ts";
import { LibsvmRows } from "./libsvm-rows.ts";

export interface LibsvmOptions {
  /** Refuses rows that name a column past this many. */
  readonly featureDim?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly memoryBytes?: number | undefined;
}

const blockBytes = 1024 * 1024;

/**
 * Reads libsvm files, `LABEL[:WEIGHT] [qid:QUERY] INDEX:VALUE ...`, into one sparse table. Indices count from 0; `#` begins
 * a comment.
 * @throws CustomerError naming file and line that are something else.
 */
export async function readLibsvm(files: readonly SourceFile[], options: LibsvmOptions): Promise<Table> {
  const rows = new LibsvmRows();
  for (const file of files) await readFile(file, rows, options);
  if (rows.count === 0) throw new CustomerError("The channel has no rows: all of its files are empty.");
  const table = rows.table(options.featureDim ?? 0);
  if (options.featureDim !== undefined && table.features.width > options.featureDim) {
    throw new CustomerError(
      `A row has index ${table.features.width - 1} where the training rows have ${options.featureDim} features (0 to ${options.featureDim - 1}).`,
    );
  }
  return table;
}

async function readFile(file: SourceFile, rows: LibsvmRows, { signal, memoryBytes }: LibsvmOptions): Promise<void> {
  const descriptor = openSync(file.path, "r");
  try {
    let rest: Buffer = Buffer.alloc(0);
    let line = 0;
    for (let at = 0; ; ) {
      const block = Buffer.allocUnsafe(rest.length + blockBytes);
      rest.copy(block);
      const got = readSync(descriptor, block, rest.length, blockBytes, at);
      at += got;
      const text = block.subarray(0, rest.length + got);
      const end = got === 0 ? text.length : text.lastIndexOf(0x0a) + 1;
      line =
        rows.add(text.subarray(0, end), (number, problem) => {
          throw new CustomerError(`${file.name}, line ${line + number}: ${problem}.`);
        }) + line;
      rest = text.subarray(end);
      if (got === 0) return;
      checkTableFits(rows.bytes, memoryBytes);
      await setImmediate();
      signal?.throwIfAborted();
    }
  } finally {
    closeSync(descriptor);
  }
}
