import { type FileHandle, open } from "node:fs/promises";
import { type LogGap, readGap } from "../../log-gap.ts";

/** One line of a log file. `at` is in milliseconds since 1970; offsets are in bytes. */
export interface LogLine {
  readonly at: number;
  readonly text: string;
  readonly offset: number;
  /** Where the next line begins. */
  readonly end: number;
}

/** Bytes read at once. */
const blockBytes = 64 * 1024;
const lineFeed = 0x0a;

/**
 * A log file, open for reading: lines `EPOCH_MILLISECONDS SPACE TEXT LF` whose times never fall. A last line without
 * its line feed is not there yet. Lines may be missing from the middle (`log-gap.ts`), also while it is being read: then zeros
 * are in their place, which are passed over.
 */
export class LogFile {
  readonly #handle: FileHandle | undefined;
  /** Bytes up to and with the last line feed, as of the opening. */
  readonly completeBytes: number;
  readonly #gap: LogGap;

  private constructor(handle: FileHandle | undefined, completeBytes: number, gap: LogGap | undefined) {
    this.#handle = handle;
    this.completeBytes = completeBytes;
    this.#gap = gap ?? { start: -1, end: -1 };
  }

  /** Opens it; a file that is absent has no lines. */
  static async open(path: string): Promise<LogFile> {
    try {
      const handle = await open(path, "r");
      const { size } = await handle.stat();
      return new LogFile(handle, await lastLineEnd(handle, size), readGap(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return new LogFile(undefined, 0, undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  /** Lines from the one that begins at `offset`, oldest first. */
  async *forward(offset: number): AsyncGenerator<LogLine> {
    let rest: Buffer = Buffer.alloc(0);
    let at = this.#behindGap(offset);
    for (let position = at; position < this.completeBytes; ) {
      const limit = position < this.#gap.start ? this.#gap.start : this.completeBytes;
      const block = await this.#read(position, Math.min(position + blockBytes, limit));
      position += block.length;
      const data = rest.length ? Buffer.concat([rest, block]) : block;
      let start = 0;
      for (;;) {
        while (data[start] === 0) start++; // no line begins with a zero: a hole
        const feed = data.indexOf(lineFeed, start);
        if (feed < 0) break;
        yield parseLine(data.subarray(start, feed), at + start);
        start = feed + 1;
      }
      at += start;
      rest = data.subarray(start);
      if (position !== this.#gap.start) continue;
      // A line ends where the gap begins.
      position = at = this.#gap.end;
      rest = Buffer.alloc(0);
    }
  }

  /** Lines before `offset`, which is where a line begins or the end; newest first. */
  async *backward(offset: number): AsyncGenerator<LogLine> {
    let rest: Buffer = Buffer.alloc(0);
    for (let position = this.#beforeGap(Math.min(offset, this.completeBytes)); position > 0; ) {
      const floor = position > this.#gap.end ? Math.max(0, this.#gap.end) : 0;
      const from = Math.max(floor, position - blockBytes);
      const block = await this.#read(from, position);
      position = from;
      if (isHole(block)) {
        // What lies behind it begins a line.
        const zeros = rest.findIndex((byte) => byte !== 0);
        if (zeros >= 0) yield parseLine(rest.subarray(zeros, -1), from + block.length + zeros);
        rest = Buffer.alloc(0);
        continue;
      }
      const data = rest.length ? Buffer.concat([block, rest]) : block;
      let end = data.length;
      while (end > 0) {
        // The line feed at end - 1 ends the line that is looked for.
        const before = end >= 2 ? data.lastIndexOf(lineFeed, end - 2) : -1;
        if (before < 0 && from > floor) break;
        let start = before + 1;
        while (data[start] === 0 && start < end) start++;
        if (start < end) yield parseLine(data.subarray(start, end - 1), from + start);
        end = before + 1;
      }
      rest = data.subarray(0, end);
      if (position === this.#gap.end) position = this.#gap.start;
    }
  }

  /** Where the first line with a time of `at` or later begins; the end when there is none. By bisection. */
  async seek(at: number): Promise<number> {
    const { start, end } = this.#gap;
    let low = 0;
    let high = this.completeBytes;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const isInGap = middle >= start && middle < end;
      const line = await this.#lineAround(isInGap ? end : middle, low);
      if (line.at < at) low = line.end;
      else high = isInGap ? start : line.offset;
    }
    return low;
  }

  #behindGap(offset: number): number {
    return offset >= this.#gap.start && offset < this.#gap.end ? this.#gap.end : offset;
  }

  #beforeGap(offset: number): number {
    return offset > this.#gap.start && offset <= this.#gap.end ? this.#gap.start : offset;
  }

  /** The line that has the byte at `position`; `low` is a place where a line begins at or before it. */
  async #lineAround(position: number, low: number): Promise<LogLine> {
    let start = low;
    for await (const line of this.#backwardFrom(position)) {
      start = Math.max(low, line);
      break;
    }
    for await (const line of this.forward(start)) return line;
    throw new Error("Invariant broken: every byte before completeBytes belongs to a line");
  }

  /** Where lines begin, from the one that has the byte at `position` backwards. */
  async *#backwardFrom(position: number): AsyncGenerator<number> {
    const floor = position >= this.#gap.end ? Math.max(0, this.#gap.end) : 0;
    let end = position;
    while (end > floor) {
      const from = Math.max(floor, end - blockBytes);
      const block = await this.#read(from, end);
      const feed = block.lastIndexOf(lineFeed);
      if (feed >= 0) yield from + feed + 1;
      end = from;
    }
    yield floor;
  }

  async #read(from: number, to: number): Promise<Buffer> {
    const block = Buffer.allocUnsafe(to - from);
    let filled = 0;
    while (filled < block.length) {
      const { bytesRead } = (await this.#handle?.read(block, filled, block.length - filled, from + filled)) ?? {
        bytesRead: 0,
      };
      if (bytesRead === 0) throw new Error("A log file became shorter while it was read.");
      filled += bytesRead;
    }
    return block;
  }
}

/** Whether bytes are all zeros, and more than a line has. */
function isHole(block: Buffer): boolean {
  return block.length === blockBytes && block.every((byte) => byte === 0);
}

function parseLine(bytes: Buffer, offset: number): LogLine {
  const line = bytes.toString("utf8");
  const space = line.indexOf(" ");
  const time = space < 0 ? line : line.slice(0, space);
  return {
    at: Number(time) || 0,
    text: space < 0 ? "" : line.slice(space + 1),
    offset,
    end: offset + bytes.length + 1,
  };
}

async function lastLineEnd(handle: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0; ) {
    const from = Math.max(0, end - blockBytes);
    const block = Buffer.alloc(end - from);
    const { bytesRead } = await handle.read(block, 0, block.length, from);
    const feed = block.subarray(0, bytesRead).lastIndexOf(lineFeed);
    if (feed >= 0) return from + feed + 1;
    end = from;
  }
  return 0;
}
