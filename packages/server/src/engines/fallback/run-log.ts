import { closeSync, fdatasyncSync, fstatSync, openSync, writeSync } from "node:fs";
import { fullNotice } from "../../log-gap.ts";
import { LogSpace } from "../log-space.ts";

/** Longest line that is kept whole, as in `native/log.c`. */
const maxLineBytes = 65_536;
const newline = 10;

/** Writes a run's output as lines `EPOCH_MILLISECONDS SPACE TEXT LF`, holding at most so much on disk. */
export class RunLog {
  readonly #file: number;
  readonly #space: LogSpace;
  #full = false;
  #held = Buffer.alloc(0);

  constructor(path: string, maxBytes: number) {
    this.#file = openSync(path, "a", 0o600);
    this.#space = new LogSpace(path, maxBytes, { base: fstatSync(this.#file).size, written: 0 });
  }

  /** Takes a piece of output, which may end within a line. */
  take(bytes: Buffer): void {
    let rest = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes;
    for (;;) {
      const end = rest.indexOf(newline);
      if (end < 0 && rest.length < maxLineBytes) break;
      const cut = end < 0 || end > maxLineBytes ? maxLineBytes : end;
      this.#put(rest.subarray(0, cut));
      rest = rest.subarray(cut === end ? cut + 1 : cut);
    }
    this.#held = Buffer.from(rest);
  }

  /** Writes a line of our own. */
  line(text: string): void {
    this.#put(Buffer.from(text));
  }

  close(): void {
    if (this.#held.length > 0) this.#put(this.#held);
    fdatasyncSync(this.#file);
    closeSync(this.#file);
  }

  #put(text: Buffer): void {
    if (this.#full) return;
    const line = Buffer.concat([Buffer.from(`${Date.now()} `), text, Buffer.from("\n")]);
    this.#full = !this.#space.take(line.length);
    const last = `${Date.now()} ${fullNotice}\n`;
    try {
      writeSync(this.#file, this.#full ? Buffer.from(last) : line);
    } catch {
      // A full disk must not end the run: the line is lost, the run goes on.
    }
  }
}
