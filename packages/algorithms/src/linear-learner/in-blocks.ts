import type { Piece, Split } from "./split.ts";

/** Part of a piece, and where in its block it goes. */
interface Range {
  readonly first: number;
  readonly count: number;
  /** Row of the block. */
  readonly at: number;
  /** Row of the split. */
  readonly row: number;
}

/**
 * One pass over a split in blocks of `size` rows, however its pieces fall, so that mini-batches and sums do not depend on
 * them.
 * @param put - Takes the rows of a block, part by part, before the block is yielded.
 */
export async function* inBlocks(
  split: Split,
  size: number,
  put: (piece: Piece, range: Range) => void,
): AsyncGenerator<{ readonly first: number; readonly rows: number }> {
  let begin = 0;
  let filled = 0;
  for await (const piece of split.pieces()) {
    for (let first = 0; first < piece.features.count; ) {
      const count = Math.min(size - filled, piece.features.count - first);
      put(piece, { first, count, at: filled, row: begin + filled });
      first += count;
      filled += count;
      if (filled < size) continue;
      yield { first: begin, rows: filled };
      begin += filled;
      filled = 0;
    }
  }
  if (filled > 0) yield { first: begin, rows: filled };
}

/** Blocks up to the last, or up to where a signal stops them. */
export async function* untilStopped<T>(blocks: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  try {
    for await (const block of blocks) {
      if (signal.aborted) return;
      yield block;
    }
  } catch (error) {
    if (!isStop(error, signal)) throw error;
  }
}

/** Whether an error says no more than that the job was told to stop. */
export function isStop(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && error === signal.reason;
}
