import type { LogFrame } from "./log-frames.ts";

/** Longest line that is kept whole, as in `native/log.c`. */
const maxLineBytes = 65_536;
const lineFeed = 10;

/** Makes lines `EPOCH_MILLISECONDS SPACE TEXT LF` of a log's frames, each stream for itself. */
export class LineAssembler {
  readonly #held = new Map<number, { at: number; text: Buffer }>();

  /** @param now - When the frame arrived, in milliseconds since 1970. @returns The lines that it completes. */
  take(frame: LogFrame, now: number): Buffer[] {
    const held = this.#held.get(frame.stream);
    const at = held?.at ?? timeOf(frame, now);
    const ends = frame.text.at(-1) === lineFeed;
    const text = ends ? frame.text.subarray(0, -1) : frame.text;
    let rest = held ? Buffer.concat([held.text, text]) : text;
    const lines: Buffer[] = [];
    while (rest.length > maxLineBytes) {
      lines.push(line(at, rest.subarray(0, maxLineBytes)));
      rest = rest.subarray(maxLineBytes);
    }
    if (ends) {
      lines.push(line(at, rest));
      this.#held.delete(frame.stream);
    } else {
      this.#held.set(frame.stream, { at, text: Buffer.from(rest) });
    }
    return lines;
  }

  /** Whether no line is half there. */
  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /** The last lines, which nothing ended. */
  end(): Buffer[] {
    const lines = [...this.#held.values()].map(({ at, text }) => line(at, text));
    this.#held.clear();
    return lines;
  }
}

/** A line of the log file. */
export function line(at: number, text: Uint8Array | string): Buffer {
  return Buffer.concat([Buffer.from(`${at} `), Buffer.from(text), Buffer.from("\n")]);
}

/** Where the engine tells seconds only, the arrival is nearer to the truth as long as it lies in that second. */
function timeOf({ second, millis }: LogFrame, now: number): number {
  return millis === undefined ? Math.min(second * 1000 + 999, Math.max(second * 1000, now)) : second * 1000 + millis;
}
