import { close, closeSync, open, openSync, read, readSync, write } from "node:fs";
import { promisify } from "node:util";

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);
const writeFile = promisify(write);

/** Large enough that a block's system calls do not count beside its bytes; two of them for each stream. */
const blockBytes = 1024 * 1024;
/** A file up to this size is read at once: going through a thread would take longer than the read. */
const smallBytes = 64 * 1024;

/** A file ended before the size that it had: object files never change, so the disk is at fault. */
export class FileCutShort extends Error {
  override readonly name = "FileCutShort";
}

/**
 * Writes a stream to a descriptor in large blocks. While one block waits for the reader, the next is filled. Small pieces
 * share a block, so that many small objects cost as little as one large one.
 */
export class BlockWriter {
  readonly #descriptor: number;
  #block = Buffer.allocUnsafeSlow(blockBytes);
  #spare = Buffer.allocUnsafeSlow(blockBytes);
  #used = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + blockBytes - this.#used);
      this.#block.set(part, this.#used);
      at += part.length;
      await this.#took(part.length);
    }
  }

  /** @throws FileCutShort, or what the system says of the file or the reader (`EPIPE`: it has closed). */
  async appendFile(path: string, sizeBytes: number): Promise<void> {
    if (sizeBytes <= smallBytes) return this.#appendSmall(path, sizeBytes);
    const file = await openFile(path, "r");
    try {
      for (let left = sizeBytes; left > 0; ) {
        const room = Math.min(left, blockBytes - this.#used);
        const { bytesRead } = await readFile(file, this.#block, this.#used, room, null);
        if (bytesRead === 0) throw new FileCutShort(`${path} lacks ${left} of its ${sizeBytes} bytes`);
        left -= bytesRead;
        await this.#took(bytesRead);
      }
    } finally {
      await closeFile(file);
    }
  }

  /** Resolves when every byte is in the pipe. */
  async flush(): Promise<void> {
    await this.#send();
    await this.#writing;
  }

  async #appendSmall(path: string, sizeBytes: number): Promise<void> {
    if (this.#used + sizeBytes > blockBytes) await this.#send();
    const file = openSync(path, "r");
    try {
      const got = sizeBytes === 0 ? 0 : readSync(file, this.#block, this.#used, sizeBytes, 0);
      if (got < sizeBytes) throw new FileCutShort(`${path} lacks ${sizeBytes - got} of its ${sizeBytes} bytes`);
    } finally {
      closeSync(file);
    }
    await this.#took(sizeBytes);
  }

  async #took(bytes: number): Promise<void> {
    this.#used += bytes;
    if (this.#used === blockBytes) await this.#send();
  }

  /** Hands the block over once the one before is written, and goes on with the other. */
  async #send(): Promise<void> {
    await this.#writing;
    if (this.#used === 0) return;
    this.#writing = writeAll(this.#descriptor, this.#block.subarray(0, this.#used));
    this.#writing.catch(() => undefined); // seen by the next send or flush
    [this.#block, this.#spare] = [this.#spare, this.#block];
    this.#used = 0;
  }
}

async function writeAll(descriptor: number, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await writeFile(descriptor, bytes, at, bytes.length - at)).bytesWritten;
  }
}
