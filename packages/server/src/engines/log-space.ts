import { spawnSync } from "node:child_process";
import { closeSync, openSync, readSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { droppedNotice, gapFile, type LogGap, readGap } from "../log-gap.ts";

const blockBytes = 65_536;
const lineFeed = 10;

/** Keeps a log to its limit on disk by dropping lines from its middle, as `native/log.c` does. */
export class LogSpace {
  readonly #path: string;
  readonly #maxBytes: number;
  /** Where the log of this run begins. */
  readonly #base: number;
  #used: number;
  #gap: LogGap | undefined;
  #isFull = false;

  /** @param position - Where the run's log begins, and how much of it is there already. */
  constructor(path: string, maxBytes: number, position: { readonly base: number; readonly written: number }) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#base = position.base;
    this.#gap = readGap(path);
    this.#used = position.written - (this.#gap ? this.#gap.end - this.#gap.start : 0);
  }

  /**
   * Makes room for more bytes at the log's end, which are about to be written.
   * @returns False where none can be made, now and later.
   */
  take(bytes: number): boolean {
    if (!this.#isFull && this.#used + bytes > this.#maxBytes) this.#isFull = !this.#widen();
    if (!this.#isFull) this.#used += bytes;
    return !this.#isFull;
  }

  /** A quarter of the limit stays at the beginning; the rest is the newest. */
  #widen(): boolean {
    const quarter = Math.floor(this.#maxBytes / 4);
    const file = openSync(this.#path, "r+");
    try {
      const before = this.#gap;
      const start = before?.start ?? lineAfter(file, this.#base + quarter);
      const end = start === undefined ? undefined : lineAfter(file, (before?.end ?? start) + quarter);
      if (start === undefined || end === undefined) return false;
      const from = before?.end ?? start;
      const at = timeAt(file, start);
      tell(this.#path, { start, end });
      if (!giveBack(this.#path, from, end)) {
        tell(this.#path, before);
        return false;
      }
      const notice = before ? Buffer.alloc(0) : Buffer.from(`${at} ${droppedNotice}\n`);
      const fits = notice.length > 0 && start + notice.length <= end;
      if (fits) writeSync(file, notice, 0, notice.length, start);
      this.#gap = { start: fits ? start + notice.length : start, end };
      tell(this.#path, this.#gap);
      this.#used -= this.#gap.end - this.#gap.start - (before ? before.end - before.start : 0);
      return true;
    } finally {
      closeSync(file);
    }
  }
}

/** Shortens the gap of a log whose end was cut off, which may have been inside it: what is written there is no gap. */
export function cutGap(logFile: string, sizeBytes: number): void {
  const gap = readGap(logFile);
  if (!gap || gap.end <= sizeBytes) return;
  tell(logFile, gap.start < sizeBytes ? { start: gap.start, end: sizeBytes } : undefined);
}

/** Readers see the gap as it was or as it is to be, and never a byte that is about to go. */
function tell(logFile: string, gap: LogGap | undefined): void {
  const path = gapFile(logFile);
  if (!gap) return rmSync(path, { force: true });
  writeFileSync(`${path}.tmp`, `${gap.start} ${gap.end}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/** Where the first line begins at or behind `offset`; `undefined` where there is none. */
function lineAfter(file: number, offset: number): number | undefined {
  if (offset <= 0) return 0;
  const block = Buffer.alloc(blockBytes);
  for (let at = offset - 1; ; at += blockBytes) {
    const count = readSync(file, block, 0, blockBytes, at);
    if (count === 0) return undefined;
    const feed = block.subarray(0, count).indexOf(lineFeed);
    if (feed >= 0) return at + feed + 1;
  }
}

/** The time of the line at `offset`. */
function timeAt(file: number, offset: number): number {
  const block = Buffer.alloc(32);
  const count = readSync(file, block, 0, block.length, offset);
  return Number.parseInt(block.toString("latin1", 0, count)) || 0;
}

/** Makes a hole in a file: Node has no call for it, util-linux a program. A few milliseconds, once for each quarter of a limit. */
function giveBack(path: string, start: number, end: number): boolean {
  const range = ["--offset", String(start), "--length", String(end - start)];
  return spawnSync("fallocate", ["--punch-hole", ...range, path], { stdio: "ignore", env: searchPath }).status === 0;
}

/** Supervisors have no environment. */
const searchPath = { PATH: "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin" };
