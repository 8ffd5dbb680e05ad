import { createHash } from "node:crypto";
import { type DigestStream, DigestThread } from "../../objects/checksums/digest-thread.ts";
import { limits } from "../limits.ts";

/** SHA-256 of a body as it flows by. */
export interface PayloadHash {
  /** @returns `undefined`, or a promise to wait for before more is given, when the hashing is behind. */
  update(bytes: Uint8Array): Promise<void> | undefined;
  /** Hex. */
  digest(): string | Promise<string>;
  abandon(): void;
}

/** Hashes small bodies where they are, and large ones (or those that do not say) on a thread of their own. */
export function payloadHash(declaredBytes: number | undefined): PayloadHash {
  if (declaredBytes !== undefined && declaredBytes <= limits.hashInlineBytes) return inlineHash();
  thread ??= new DigestThread();
  return new ThreadHash(thread.open(["SHA256"]));
}

/** One for the process, started by the first large body; it does not keep the process alive. */
let thread: DigestThread | undefined;

function inlineHash(): PayloadHash {
  const hash = createHash("sha256");
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => hash.digest("hex"),
    abandon() {},
  };
}

const blockBytes = 256 * 1024;
const blocks = 8;

/** Copies the bytes into shared blocks (10 us for 64 KiB, where hashing takes 160) and hands full ones to the thread. */
class ThreadHash implements PayloadHash {
  readonly #stream: DigestStream;
  readonly #free: Uint8Array[] = [];
  #made = 0;
  #block: Uint8Array | undefined;
  #filled = 0;
  #failure: unknown;
  #onFree: (() => void) | undefined;

  constructor(stream: DigestStream) {
    this.#stream = stream;
  }

  update(bytes: Uint8Array): Promise<void> | undefined {
    let at = 0;
    while (at < bytes.length) {
      this.#block ??= this.#take();
      const part = bytes.subarray(at, at + blockBytes - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === blockBytes) this.#hand(this.#block);
    }
    if (this.#made < blocks || this.#free.length > 0) return undefined;
    return new Promise((resolve) => {
      this.#onFree = resolve;
    });
  }

  async digest(): Promise<string> {
    if (this.#block && this.#filled > 0) await this.#stream.update(this.#block.subarray(0, this.#filled));
    const { SHA256 } = await this.#stream.end();
    if (this.#failure !== undefined) throw this.#failure;
    return Buffer.from(SHA256 as string, "base64").toString("hex");
  }

  abandon(): void {
    this.#stream.abandon();
  }

  #take(): Uint8Array {
    const free = this.#free.pop();
    if (free) return free;
    this.#made++;
    return new Uint8Array(new SharedArrayBuffer(blockBytes));
  }

  #hand(block: Uint8Array): void {
    this.#block = undefined;
    this.#filled = 0;
    const freed = (): void => {
      this.#free.push(block);
      this.#onFree?.();
      this.#onFree = undefined;
    };
    this.#stream.update(block).then(freed, (cause: unknown) => {
      this.#failure = cause;
      freed();
    });
  }
}
