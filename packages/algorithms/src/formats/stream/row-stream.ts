import type { StreamOptions } from "../../job/channels.ts";
import type { RowShape } from "../csv/parse-rows.ts";
import { firstRowWidth } from "../csv/read-csv.ts";
import { firstRecordWidth } from "../recordio-protobuf/read-recordio.ts";
import type { SourceFile } from "../source-file.ts";
import type { ParserPlan } from "./block-parser.ts";
import { planCsv, planRecordIo } from "./block-plan.ts";
import { BlockReaders } from "./block-readers.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { ReadingTime } from "./reading-time.ts";
import type { RowBlock } from "./row-block.ts";

/** The files of one pass, which are the same in every pass unless they come from a FIFO. */
export interface PassSource extends Disposable {
  readonly format: ParserPlan["format"];
  readonly files: readonly SourceFile[];
  readonly labelWidth: number;
  /** Whether the next pass has the same rows, so that it is worth while to keep them. */
  readonly isRepeatable: boolean;
}

export interface RowStreamOptions extends Pick<StreamOptions, "featureDim" | "isDense" | "isOnePass"> {
  /** Threads to read with, the one that uses the rows included. */
  readonly cpus: number;
  readonly signal: AbortSignal | undefined;
  /** What all streams of a job may keep together. */
  readonly budget: MemoryBudget;
  /** Counts how long rows are waited for. */
  readonly reading?: ReadingTime | undefined;
  /** How much text a thread takes at a time; rows and their order do not depend on it. */
  readonly blockBytes?: number | undefined;
}

const defaultBlockBytes = 512 * 1024;
/** About what one thread reads while another one starts: 4 MiB. */
const blocksPerThread = 8;

/**
 * Rows in blocks, read anew in every iteration as far as the first one could not keep them. Rows, their order and
 * their division into blocks do not depend on the number of threads.
 */
export class RowStream implements AsyncIterable<RowBlock> {
  readonly #open: () => Promise<PassSource>;
  readonly #options: RowStreamOptions;
  /** The first blocks of the channel, as many as there was room for. */
  readonly #kept: RowBlock[] = [];
  /** How much of the plan they cover, blocks without rows included. */
  #keptPlaces = 0;
  /** Whether that is all of it. */
  #isComplete = false;

  constructor(open: () => Promise<PassSource>, options: RowStreamOptions) {
    this.#open = open;
    this.#options = options;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RowBlock> {
    for (let i = 0, kept = this.#kept.length; i < kept; i++) yield this.#kept[i] as RowBlock;
    if (this.#isComplete) return;
    const last = this.#kept.at(-1);
    let firstRow = last === undefined ? 0 : last.firstRow + last.features.count;
    using source = await this.#open();
    await using readers = this.#readers(source, this.#keptPlaces);
    // A second iteration finds the budget as the first one left it, and keeps nothing more.
    let isKeeping = source.isRepeatable && this.#options.isOnePass !== true && this.#keptPlaces === 0;
    readers.isKeeping = isKeeping;
    for (;;) {
      const next = readers.next();
      const table = await (this.#options.reading?.during(next) ?? next);
      if (table === undefined) break;
      const block = { ...table, firstRow };
      firstRow += table.features.count;
      isKeeping &&= this.#options.budget.take(memoryOf(block));
      readers.isKeeping = isKeeping;
      if (isKeeping) this.#keptPlaces++;
      if (table.features.count === 0) continue;
      if (isKeeping) this.#kept.push(block);
      yield block;
    }
    this.#isComplete = isKeeping;
  }

  #readers({ format, files, labelWidth }: PassSource, skipped: number): BlockReaders {
    const { featureDim, isDense, cpus, signal, blockBytes = defaultBlockBytes } = this.#options;
    const width = format === "pairs" ? 2 : widthOf[format](files, { labelWidth, featureDim });
    const shape: RowShape = { labelWidth, columns: labelWidth + width };
    const places = (format === "recordio" ? planRecordIo : planCsv)(files, blockBytes);
    const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const threads = Math.max(1, Math.min(cpus, Math.ceil(totalBytes / (blocksPerThread * blockBytes))));
    for (let i = 0; i < skipped; i++) places.next();
    return new BlockReaders({ format, files, shape, isDense }, { places, threads, blockBytes, signal });
  }
}

const widthOf = { csv: firstRowWidth, recordio: firstRecordWidth };

function memoryOf({ features, labels }: RowBlock): number {
  const entries = features.kind === "sparse" ? features.offsets.byteLength + features.columns.byteLength : 0;
  return entries + features.values.byteLength + labels.byteLength;
}
