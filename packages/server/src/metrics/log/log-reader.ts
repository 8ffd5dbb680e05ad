import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readGap } from "../../log-gap.ts";

/** Bytes that one look takes at most. */
const lookBytes = 1024 * 1024;
/** A log that is this far ahead of us is not caught up with by reading all of it. */
export const maxLagBytes = 64 * 1024 * 1024;

const lineFeed = 0x0a;

/** Lines that a log gained. Their times are in milliseconds since 1970. */
export interface NewLines {
  readonly texts: readonly string[];
  readonly times: readonly number[];
  /** Where the next look begins. */
  readonly offset: number;
  readonly hasMore: boolean;
  /** Bytes that were passed over, because the log grows faster than it is read. */
  readonly skippedBytes: number;
}

/** Reads whole lines from `offset` on; a file that is not there yet has none. */
export function readNewLines(file: string, offset: number): NewLines {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return { texts: [], times: [], offset, hasMore: false, skippedBytes: 0 };
  }
  try {
    const { size } = fstatSync(handle);
    const gap = readGap(file) ?? { start: size, end: size };
    const lag = size - offset - (offset < gap.end ? gap.end - Math.max(gap.start, offset) : 0);
    const wanted = lag > maxLagBytes ? size - maxLagBytes : Math.min(offset, size);
    const from = wanted >= gap.start && wanted < gap.end ? gap.end : wanted;
    const block = readBlock(handle, from, Math.min(from < gap.start ? gap.start : size, from + lookBytes));
    // What was dropped before it was read; a reader that had come to the gap has lost nothing.
    const skippedBytes = offset === gap.start ? 0 : Math.max(0, from - offset);
    // What was passed over ends somewhere inside a line, but at the gap's end.
    const start = skippedBytes > 0 && from !== gap.end ? block.indexOf(lineFeed) + 1 : 0;
    const lastFeed = block.lastIndexOf(lineFeed);
    // A line longer than a look is not read.
    const end = lastFeed >= 0 ? lastFeed + 1 : block.length === lookBytes ? block.length : 0;
    const lines = parse(block.subarray(start, Math.max(start, end)));
    return { ...lines, offset: from + end, hasMore: from + block.length < size, skippedBytes };
  } finally {
    closeSync(handle);
  }
}

function readBlock(handle: number, from: number, to: number): Buffer {
  const block = Buffer.allocUnsafe(Math.max(0, to - from));
  let filled = 0;
  while (filled < block.length) {
    const count = readSync(handle, block, filled, block.length - filled, from + filled);
    if (count === 0) break;
    filled += count;
  }
  return block.subarray(0, filled);
}

function parse(bytes: Buffer): { texts: string[]; times: number[] } {
  const texts: string[] = [];
  const times: number[] = [];
  for (const line of bytes.toString("utf8").split("\n")) {
    const space = line.indexOf(" ");
    const time = space > 0 ? Number(line.slice(0, space)) : Number.NaN;
    // The rest of a line that was longer than a look has no time.
    if (!Number.isSafeInteger(time)) continue;
    texts.push(line.slice(space + 1));
    times.push(time);
  }
  return { texts, times };
}
