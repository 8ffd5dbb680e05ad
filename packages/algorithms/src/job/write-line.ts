import { writeSync } from "node:fs";

const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Prints one line. Synchronous, so that lines of all threads keep their order and none is lost at exit; and without
 * `process.stdout`, whose first use takes time that a starting job does not have.
 */
export function writeLine(text: string): void {
  const bytes = Buffer.from(`${text}\n`);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return; // nobody reads any more; the work goes on
      if (code !== "EAGAIN") throw error;
      Atomics.wait(pause, 0, 0, 1); // a full pipe that somebody made non-blocking
    }
  }
}
