import { planBlocks } from "../csv/csv-blocks.ts";
import { frameRanges } from "../recordio-protobuf/frames.ts";
import type { SourceFile } from "../source-file.ts";

/** A piece of one file, which one thread reads at a time. */
export interface BlockPlace {
  readonly file: number;
  readonly begin: number;
  readonly end: number;
  /** Number of the first record in its file, from 1, where records are counted. */
  readonly firstRecord: number;
}

/** Cuts CSV files into blocks of text; rows belong to the block that they begin in. */
export function* planCsv(files: readonly SourceFile[], blockBytes: number): Generator<BlockPlace> {
  // File by file, since the blocks of all files of a large channel would be a list of their own.
  for (const [file, source] of files.entries()) {
    for (const block of planBlocks([source], blockBytes)) yield { ...block, file, firstRecord: 0 };
  }
}

/**
 * Cuts RecordIO files into blocks of whole frames. Only a walk from the file's beginning finds them: frames have no
 * marker that may not also occur inside a payload.
 * @throws CustomerError naming the record where the bytes are no frame.
 */
export function* planRecordIo(files: readonly SourceFile[], blockBytes: number): Generator<BlockPlace> {
  for (const [file, source] of files.entries()) {
    for (const range of frameRanges(source, blockBytes)) yield { file, ...range };
  }
}
