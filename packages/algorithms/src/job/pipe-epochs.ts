import { createWriteStream, existsSync, open, rmSync } from "node:fs";
import { Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import type { SourceFile } from "../formats/source-file.ts";

// A number, which the socket below owns; a FileHandle would be closed by whoever collects it.
const openFile = promisify(open);

/** How often a FIFO that is not there yet is looked for, as readers of the service do. */
const lookMillis = 100;

/** The epochs of a Pipe channel: `/opt/ml/input/data/CHANNEL_0`, `CHANNEL_1` and so on, each a FIFO. */
export class PipeEpochs {
  readonly #path: string;
  #next = 0;

  /** @param path - The channel's place without an epoch. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Makes the next epoch a file, since readers take two passes and many threads, and a FIFO can be read once only. The
   * file lies on the disk of /opt/ml, not in memory, and is gone when it is disposed of.
   */
  async next(signal: AbortSignal): Promise<SourceFile & Disposable> {
    const fifo = `${this.#path}_${this.#next++}`;
    const path = join(dirname(fifo), `.${basename(fifo)}.rows`);
    const remove = () => rmSync(path, { force: true });
    try {
      const sizeBytes = await copyOut(fifo, path, signal);
      return { path, name: basename(fifo), sizeBytes, [Symbol.dispose]: remove };
    } catch (error) {
      remove();
      signal.throwIfAborted(); // with the signal's own reason, not with what it made of a wait
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") {
        throw new Error(
          `No space left for ${basename(fifo)}: in Pipe mode an epoch is copied to disk while it is read. Free some, or use File mode, which copies nothing.`,
          { cause: error },
        );
      }
      throw error;
    }
  }
}

/** @returns How many bytes there were. */
async function copyOut(fifo: string, path: string, signal: AbortSignal): Promise<number> {
  while (!existsSync(fifo)) await setTimeout(lookMillis, undefined, { signal });
  const fd = await openFile(fifo, "r");
  // As a socket, which waits without a thread: a job that is stopped while no data comes must be able to end.
  const stream = new Socket({ fd, readable: true, writable: false });
  const copy = createWriteStream(path, { mode: 0o600 });
  await pipeline(stream, copy, { signal });
  return copy.bytesWritten;
}
