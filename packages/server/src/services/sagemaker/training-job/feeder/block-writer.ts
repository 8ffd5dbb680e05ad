import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readSync, statSync, write } from "node:fs";
import { promisify } from "node:util";

const writeFile = promisify(write);

/** Each block costs one wake-up of a thread, which a busy host may put off; two blocks for each stream. */
const blockBytes = 1024 * 1024;
/** From here on the start of a process does not count beside the bytes that it carries. */
const largeBytes = 8 * 1024 * 1024;

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
    if (sizeBytes >= largeBytes) {
      await this.flush();
      return copyByProcess(path, sizeBytes, this.#descriptor);
    }
    if (sizeBytes === 0) return;
    // Read at once, without a thread: object files are local, and most of what is streamed is in the page cache.
    const file = openSync(path, "r");
    try {
      for (let left = sizeBytes; left > 0; ) {
        const room = Math.min(left, blockBytes - this.#used);
        const got = readSync(file, this.#block, this.#used, room, null);
        if (got === 0) throw new FileCutShort(`${path} lacks ${left} of its ${sizeBytes} bytes`);
        left -= got;
        await this.#took(got);
      }
    } finally {
      closeSync(file);
    }
  }

  /** Resolves when every byte is in the pipe. */
  async flush(): Promise<void> {
    await this.#send();
    await this.#writing;
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

/**
 * Lets `cat` carry a large file: a loop of two system calls without a thread to wake, which also a busy host lets run. Our own
 * descriptor stays open, so that a `cat` that is killed is not taken for the end of the data.
 */
async function copyByProcess(path: string, sizeBytes: number, descriptor: number): Promise<void> {
  const lacks = sizeBytes - statSync(path).size;
  if (lacks > 0) throw new FileCutShort(`${path} lacks ${lacks} of its ${sizeBytes} bytes`);
  const child = spawn("cat", ["--", path], { stdio: ["ignore", descriptor, "pipe"] });
  let said = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    said += bytes.toString();
  });
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  if (code === 0) return;
  // Some take the signal, others the error.
  if (signal === "SIGPIPE" || /broken pipe/i.test(said)) throw Object.assign(new Error("EPIPE"), { code: "EPIPE" });
  throw new Error(`${path} could not be streamed: ${said.trim() || `cat ended with ${signal ?? code}`}`);
}
