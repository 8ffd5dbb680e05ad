import { closeSync, openSync, readSync } from "node:fs";
import type { FeedUnit } from "./feed-plan.ts";

const scanBytes = 256 * 1024;

/** The lines of a units file, read one at a time: a million units cost 8 bytes each in memory, not their paths. */
export class UnitFile {
  readonly count: number;
  readonly #descriptor: number;
  /** Where each line begins, and after the last where the file ends. */
  readonly #starts: Float64Array;

  private constructor(descriptor: number, starts: Float64Array) {
    this.#descriptor = descriptor;
    this.#starts = starts;
    this.count = starts.length - 1;
  }

  /** Opens a file whose every line ends with a line feed. */
  static open(path: string): UnitFile {
    const descriptor = openSync(path, "r");
    const starts: number[] = [0];
    const bytes = Buffer.alloc(scanBytes);
    for (let at = 0; ; ) {
      const got = readSync(descriptor, bytes, 0, scanBytes, at);
      if (got === 0) break;
      const part = bytes.subarray(0, got);
      for (let i = part.indexOf(0x0a); i >= 0; i = part.indexOf(0x0a, i + 1)) starts.push(at + i + 1);
      at += got;
    }
    return new UnitFile(descriptor, Float64Array.from(starts));
  }

  read(index: number): FeedUnit {
    const start = this.#starts[index] as number;
    const bytes = Buffer.alloc((this.#starts[index + 1] as number) - start);
    readSync(this.#descriptor, bytes, 0, bytes.length, start);
    return JSON.parse(bytes.toString()) as FeedUnit;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
