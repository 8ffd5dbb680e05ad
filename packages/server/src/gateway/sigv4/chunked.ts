import { createHash, createHmac, type Hash, hash, type KeyObject } from "node:crypto";
import { limits } from "../limits.ts";

/** How an `aws-chunked` body's chunks prove that they are the signer's. */
export interface ChunkSigning {
  readonly key: KeyObject;
  /** `YYYYMMDD'T'HHMMSS'Z'` and scope, as in the request's own string to sign. */
  readonly timestamp: string;
  readonly scope: string;
  /** The request's signature: the first chunk's signs over it. */
  readonly seed: string;
}

/** Why a chunked body is refused. */
export class ChunkError extends Error {
  override readonly name = "ChunkError";
  readonly kind: "malformed" | "signature" | "incomplete";

  constructor(kind: ChunkError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

const emptyHash = hash("sha256", "");

/**
 * Takes `aws-chunked` framing off a body as its bytes arrive, in pieces of any size. Chunks look like
 * `HEX-SIZE[;chunk-signature=HEX]\r\nBYTES\r\n`; a chunk of size 0 ends them, then trailer headers and an empty line.
 * A chunk's bytes are handed on before its signature is known to hold, so nothing may be kept before `end`.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 */
export class ChunkDecoder {
  readonly trailers: Record<string, string> = {};
  readonly #signing: ChunkSigning | undefined;
  readonly #wantsTrailer: boolean;
  #previous: string;
  #state: "size" | "data" | "dataEnd" | "trailer" | "done" = "size";
  #line: Buffer = Buffer.alloc(0);
  #left = 0;
  #signature = "";
  #hash: Hash | undefined;
  #trailerBytes = 0;
  #trailerText = "";
  #trailerSignature: string | undefined;

  /** @param signing - `undefined` for `STREAMING-UNSIGNED-PAYLOAD-TRAILER`, whose chunks carry no signature. */
  constructor(signing: ChunkSigning | undefined, wantsTrailer: boolean) {
    this.#signing = signing;
    this.#wantsTrailer = wantsTrailer;
    this.#previous = signing?.seed ?? "";
  }

  /** @returns The payload's bytes in `bytes`, as views on it. @throws ChunkError */
  push(bytes: Buffer): Buffer[] {
    const payload: Buffer[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "data") {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        this.#hash?.update(piece);
        payload.push(piece);
        if (this.#left === 0) this.#state = "dataEnd";
      } else if (this.#state === "done") {
        throw new ChunkError("malformed", "Bytes follow the end of the chunked body.");
      } else {
        at = this.#takeLine(bytes, at);
      }
    }
    return payload;
  }

  /** Call when the body has ended. @throws ChunkError when it ended early. */
  end(): void {
    // Some clients leave out the empty line after the last chunk when there are no trailers.
    if (this.#state === "trailer" && this.#line.length === 0 && this.#trailerBytes === 0) this.#finish();
    if (this.#state !== "done") throw new ChunkError("incomplete", "The body ended before its last chunk.");
  }

  /** Collects up to the next line feed. @returns Where to go on in `bytes`. */
  #takeLine(bytes: Buffer, from: number): number {
    const feed = bytes.indexOf(0x0a, from);
    const end = feed < 0 ? bytes.length : feed + 1;
    const part = bytes.subarray(from, end);
    const line = this.#line.length === 0 ? part : Buffer.concat([this.#line, part]);
    if (line.length > limits.chunkLineBytes) throw new ChunkError("malformed", "A chunk's header line is too long.");
    if (feed < 0) {
      this.#line = Buffer.from(line);
      return end;
    }
    this.#line = Buffer.alloc(0);
    const text = line.toString("latin1");
    if (!text.endsWith("\r\n")) throw new ChunkError("malformed", "A chunk's line must end with CR LF.");
    this.#onLine(text.slice(0, -2));
    return end;
  }

  #onLine(line: string): void {
    if (this.#state === "size") this.#onSize(line);
    else if (this.#state === "dataEnd") this.#onDataEnd(line);
    else this.#onTrailer(line);
  }

  #onSize(line: string): void {
    const match = /^([0-9a-fA-F]{1,13})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
    if (!match) throw new ChunkError("malformed", "A chunk must begin with its size in hex.");
    if (this.#signing && match[2] === undefined) throw new ChunkError("signature", "A chunk has no signature.");
    this.#left = Number.parseInt(match[1] as string, 16);
    this.#signature = match[2] ?? "";
    if (this.#left > 0) {
      this.#hash = this.#signing && createHash("sha256");
      this.#state = "data";
      return;
    }
    this.#checkChunk(emptyHash);
    this.#state = "trailer";
  }

  #onDataEnd(line: string): void {
    if (line !== "") throw new ChunkError("malformed", "A chunk is longer than its size says.");
    if (this.#hash) this.#checkChunk(this.#hash.digest("hex"));
    this.#state = "size";
  }

  #checkChunk(digest: string): void {
    if (!this.#signing) return;
    this.#previous = this.#check("AWS4-HMAC-SHA256-PAYLOAD", `${emptyHash}\n${digest}`, this.#signature);
  }

  #onTrailer(line: string): void {
    if (line === "") return this.#finish();
    this.#trailerBytes += line.length;
    const colon = line.indexOf(":");
    if (colon <= 0 || this.#trailerBytes > limits.trailerBytes) {
      throw new ChunkError("malformed", "A trailer must be of the form name:value.");
    }
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "x-amz-trailer-signature") {
      this.#trailerSignature = value;
      return;
    }
    this.trailers[name] = value;
    this.#trailerText += `${name}:${value}\n`;
  }

  #finish(): void {
    if (this.#signing && this.#wantsTrailer) {
      if (this.#trailerSignature === undefined) throw new ChunkError("signature", "The trailer has no signature.");
      this.#check("AWS4-HMAC-SHA256-TRAILER", hash("sha256", this.#trailerText), this.#trailerSignature);
    }
    this.#state = "done";
  }

  #check(algorithm: string, hashes: string, signature: string): string {
    const { key, timestamp, scope } = this.#signing as ChunkSigning;
    const text = `${algorithm}\n${timestamp}\n${scope}\n${this.#previous}\n${hashes}`;
    if (createHmac("sha256", key).update(text).digest("hex") !== signature) {
      throw new ChunkError("signature", "A chunk's signature does not match its bytes.");
    }
    return signature;
  }
}
