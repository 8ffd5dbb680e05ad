import type { Socket } from "node:net";

const maxTextBytes = 64 * 1024;

/** Reads numbers and texts from a socket as they come. */
export class SocketReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  /** 32 bits, little-endian. */
  async number(): Promise<number> {
    return (await this.#bytes(4)).readInt32LE(0);
  }

  /** A length and as many bytes. */
  async text(): Promise<string> {
    return (await this.#bytes(await this.number())).toString("utf8");
  }

  /** A count and as many numbers. */
  async list(): Promise<number[]> {
    const count = await this.number();
    const bytes = await this.#bytes(count * 4);
    return Array.from({ length: count }, (_, i) => bytes.readInt32LE(i * 4));
  }

  async #bytes(count: number): Promise<Buffer> {
    if (count < 0 || count > maxTextBytes) throw new RangeError(`${count} is no length`);
    while (this.#held.length < count) {
      const { value, done } = await this.#chunks.next();
      if (done === true) throw new Error("the connection ended");
      this.#held = Buffer.concat([this.#held, value]);
    }
    const bytes = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return bytes;
  }
}

/** A text with its length before it. */
export function socketText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeInt32LE(bytes.length, 0);
  return Buffer.concat([length, bytes]);
}
