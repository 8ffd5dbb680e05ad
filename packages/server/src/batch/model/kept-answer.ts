import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";

/** Answers up to this size stay in memory. */
const memoryBytes = 16 * 1024 ** 2;
/** Answers up to this size are taken apart, which needs them whole. */
const wholeBytes = 256 * 1024 ** 2;

/**
 * A model's answer, kept whole until it is known to be whole: a half answer must not reach the output, and the request may be
 * repeated. What is too large for memory goes to a file.
 */
export class KeptAnswer {
  readonly #folder: string;
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #file: FileHandle | undefined;
  #path: string | undefined;
  size = 0;
  /** Its last byte; `undefined` while it is empty. */
  lastByte: number | undefined;

  /** @param folder - Where a large answer's file goes; must exist. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns Whether there is so much in memory that `flush` must be called. */
  add(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    this.size += chunk.length;
    this.lastByte = chunk.at(-1) ?? this.lastByte;
    return this.#chunkBytes > memoryBytes;
  }

  /** Moves what is in memory to the file. */
  async flush(): Promise<void> {
    this.#path ??= join(this.#folder, `answer-${randomUUID()}`);
    this.#file ??= await open(this.#path, "wx", 0o600);
    const chunks = this.#chunks.splice(0);
    this.#chunkBytes = 0;
    await this.#file.writev(chunks);
  }

  /** All of it. @throws RangeError for an answer that is too large for that. */
  async whole(): Promise<Buffer> {
    if (this.size > wholeBytes) {
      throw new RangeError(
        `an answer of ${this.size} bytes is too large to be filtered or joined (at most ${wholeBytes})`,
      );
    }
    const pieces: Buffer[] = [];
    for await (const piece of this.pieces()) pieces.push(piece);
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  }

  /** All of it, piece by piece. Call once. */
  async *pieces(): AsyncGenerator<Buffer> {
    if (this.#path !== undefined) {
      await this.flush();
      for await (const piece of createReadStream(this.#path, { highWaterMark: 1024 ** 2 })) yield piece as Buffer;
    }
    yield* this.#chunks;
  }

  /** Frees the file. Safe to repeat. */
  async discard(): Promise<void> {
    this.#chunks = [];
    const [file, path] = [this.#file, this.#path];
    this.#file = undefined;
    await file?.close();
    if (path !== undefined) await rm(path, { force: true });
  }
}
