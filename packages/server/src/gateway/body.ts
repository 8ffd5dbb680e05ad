import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { Protocol, RequestBody } from "../services/service.ts";
import { BodyShare, bodyBudget } from "./body-budget.ts";
import { refuse } from "./errors.ts";
import { limits } from "./limits.ts";
import { ChunkDecoder, ChunkError, type ChunkSigning } from "./sigv4/chunked.ts";
import { type PayloadForm, sha256 } from "./sigv4/payload.ts";
import { type PayloadHash, payloadHash } from "./sigv4/payload-hash.ts";

/**
 * One request's body. Authentication says what was signed (`expect`); whoever reads it afterwards gets bytes that hold
 * to that, or an error.
 */
export class IncomingBody implements RequestBody {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #protocol: Protocol | undefined;
  #form: PayloadForm = { kind: "unsigned" };
  #decoder: ChunkDecoder | undefined;
  #raw: Promise<Buffer> | Buffer | undefined;
  #whole: Buffer | undefined;
  readonly #share = new BodyShare(bodyBudget);
  /** The caller waits for `100 Continue` before it sends. */
  #mustContinue: boolean;

  constructor(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) {
    this.#request = request;
    this.#response = response;
    this.#mustContinue = expectsContinue;
  }

  /** Says what the signature promises of the body. `signing` goes with signed chunks. */
  expect(protocol: Protocol, form: PayloadForm, signing: ChunkSigning | undefined): void {
    this.#protocol = protocol;
    this.#form = form;
    if (form.kind === "chunked") this.#decoder = new ChunkDecoder(signing, form.trailer && signing !== undefined);
  }

  get trailers(): Readonly<Record<string, string>> {
    return this.#decoder?.trailers ?? {};
  }

  get sizeBytes(): number | undefined {
    const { headers } = this.#request;
    const declared = headers["x-amz-decoded-content-length"] ?? headers["content-length"];
    if (this.#decoder && headers["x-amz-decoded-content-length"] === undefined) return undefined;
    const size = Number(declared);
    if (declared !== undefined) return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
    return headers["transfer-encoding"] === undefined ? 0 : undefined;
  }

  /** The bytes as they came, before decoding and without any check: what a signature without a hash header covers. */
  raw(protocol: Protocol | undefined, limitBytes: number): Promise<Buffer> | Buffer {
    if (this.#raw) return this.#raw;
    const { headers } = this.#request;
    if (Number(headers["content-length"] ?? 0) > limitBytes) throw tooLarge(protocol, limitBytes);
    if (headers["content-length"] === "0" || (!headers["content-length"] && !headers["transfer-encoding"])) {
      this.#raw = Buffer.alloc(0);
      return this.#raw;
    }
    this.#start();
    this.#raw = collect(this.#request, protocol, limitBytes, (bytes) => this.#hold(bytes));
    return this.#raw;
  }

  get whole(): Buffer | undefined {
    return this.#whole;
  }

  async read(limitBytes: number): Promise<Buffer> {
    if (this.#whole) return this.#whole;
    const raw = await this.raw(this.#protocol, limitBytes + (this.#decoder ? limitBytes : 0));
    const whole = this.#decoder ? this.#decode(this.#decoder, raw) : raw;
    if (whole.length > limitBytes) throw tooLarge(this.#protocol, limitBytes);
    if (this.#form.kind === "hash") this.#checkHash(this.#form.sha256, await sha256(whole));
    this.#whole = whole;
    return whole;
  }

  stream(limitBytes: number = limits.streamedBodyBytes): Readable {
    if (this.#whole) return Readable.from([this.#whole], { objectMode: false });
    this.#start();
    const hash = this.#form.kind === "hash" ? payloadHash(this.sizeBytes) : undefined;
    return new BodyStream(this.#request, limitBytes, {
      push: (bytes) => (this.#decoder ? this.#decoder.push(bytes) : [bytes]),
      behind: (bytes) => hash?.update(bytes),
      end: (total) => this.#finish(total, hash),
      failed: (error) => {
        hash?.abandon();
        return this.#translate(error);
      },
    });
  }

  /** Notes a body that was read and verified by authentication. */
  keep(whole: Buffer): void {
    this.#whole = whole;
  }

  async #finish(total: number, hash: PayloadHash | undefined): Promise<void> {
    this.#decoder?.end();
    this.#checkSize(total);
    if (hash && this.#form.kind === "hash") this.#checkHash(this.#form.sha256, await hash.digest());
  }

  #checkSize(total: number): void {
    const declared = this.sizeBytes;
    if (declared === undefined || declared === total) return;
    throw new ChunkError("incomplete", `The body has ${total} bytes; ${declared} were declared.`);
  }

  #decode(decoder: ChunkDecoder, raw: Buffer): Buffer {
    try {
      const whole = Buffer.concat(decoder.push(raw));
      decoder.end();
      this.#checkSize(whole.length);
      return whole;
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #checkHash(expected: string, actual: string): void {
    if (expected === actual) return;
    const message =
      this.#protocol === "rest-xml"
        ? "The provided 'x-amz-content-sha256' header does not match what was computed."
        : mismatchMessage;
    throw refuse(this.#protocol, "contentMismatch", message, {
      ClientComputedContentSHA256: expected,
      S3ComputedContentSHA256: actual,
    });
  }

  #translate(error: unknown): unknown {
    if (!(error instanceof ChunkError)) return error;
    if (error.kind === "signature") return refuse(this.#protocol, "signatureMismatch", mismatchMessage);
    return refuse(this.#protocol, error.kind === "incomplete" ? "incompleteBody" : "badRequest", error.message);
  }

  /** The body is held until its request is answered, or its caller gone. @returns Whether there is memory for it. */
  #hold(bytes: number): boolean {
    const wasCounted = this.#share.isCounted;
    const hasRoom = this.#share.add(bytes);
    if (wasCounted || !this.#share.isCounted) return hasRoom;
    if (this.#response.closed) this.#share.end();
    else this.#response.once("close", () => this.#share.end());
    return hasRoom;
  }

  #start(): void {
    if (!this.#mustContinue) return;
    this.#mustContinue = false;
    this.#response.writeContinue();
  }
}

/** AWS's sentence for a signature that does not hold. */
export const mismatchMessage =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

function tooLarge(protocol: Protocol | undefined, limitBytes: number): Error {
  return refuse(protocol, "tooLarge", `The request body is larger than ${limitBytes} bytes.`);
}

/** Reads a body whole. Listens directly: an async iterator costs several times as much for one small chunk. */
function collect(
  request: IncomingMessage,
  protocol: Protocol | undefined,
  limitBytes: number,
  hold: (bytes: number) => boolean,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    let idle: NodeJS.Timeout | undefined;
    const fail = (error: Error): void => {
      clearTimeout(idle);
      request.removeListener("data", onData);
      // What still comes is thrown away, so that the answer can be read.
      request.resume();
      parts.length = 0;
      reject(error);
    };
    const onData = (part: Buffer): void => {
      parts.push(part);
      size += part.length;
      if (size > limitBytes) fail(tooLarge(protocol, limitBytes));
      else if (!hold(part.length)) fail(noMemory(protocol));
      else if (idle) idle.refresh();
      else if (!request.complete) {
        idle = setTimeout(() => fail(idleBody(protocol)), limits.bodyIdleMs);
      }
    };
    request.on("data", onData);
    request.once("end", () => {
      clearTimeout(idle);
      resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, size));
    });
    // Follows an error too, which is then in `errored`.
    request.once("close", () => {
      if (!request.complete) fail(hungUp(protocol, request.errored ?? undefined));
    });
  });
}

function noMemory(protocol: Protocol | undefined): Error {
  const message = "The server holds as many bytes of requests as its memory allows. Try again later.";
  return refuse(protocol, "overloaded", message);
}

function hungUp(protocol: Protocol | undefined, cause: Error | undefined): Error {
  const error = refuse(protocol, "incompleteBody", "The connection ended before the body did.");
  if (cause) error.cause = cause;
  return error;
}

function idleBody(protocol: Protocol | undefined): Error {
  return refuse(
    protocol,
    "timeout",
    "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.",
  );
}

interface BodySink {
  /** @returns The payload in these bytes. */
  push(bytes: Buffer): Buffer[];
  /** A promise to wait for when checking is behind. */
  behind(bytes: Buffer): Promise<void> | undefined;
  end(total: number): Promise<void>;
  failed(error: unknown): unknown;
}

/** A request's bytes through a `BodySink`, with back pressure. Giving it up drains the request instead of cutting it. */
class BodyStream extends Readable {
  readonly #request: IncomingMessage;
  readonly #limitBytes: number;
  readonly #sink: BodySink;
  readonly #idle: NodeJS.Timeout;
  #total = 0;
  #checking: Promise<void> | undefined;

  constructor(request: IncomingMessage, limitBytes: number, sink: BodySink) {
    // Chunk by chunk, up to 64 KiB each: as bytes, what waits would be copied together before it is read.
    super({ objectMode: true, highWaterMark: 8 });
    this.#request = request;
    this.#limitBytes = limitBytes;
    this.#sink = sink;
    this.#idle = setTimeout(() => {
      // All is there: what is left is ours to do. Paused: the sender waits for us, however long the disk takes.
      if (request.complete) return;
      if (request.isPaused()) this.#idle.refresh();
      else this.#fail(idleBody("rest-xml"));
    }, limits.bodyIdleMs);
    request.on("data", (bytes: Buffer) => this.#onData(bytes));
    request.once("end", () => void this.#onEnd());
    request.once("error", (cause) => this.#fail(hungUp("rest-xml", cause)));
    request.once("close", () => {
      if (!request.complete) this.#fail(hungUp("rest-xml", undefined));
    });
  }

  #onData(bytes: Buffer): void {
    if (this.destroyed) return;
    this.#idle.refresh();
    try {
      let wanted = true;
      for (const piece of this.#sink.push(bytes)) {
        this.#total += piece.length;
        wanted = this.push(piece);
      }
      if (this.#total > this.#limitBytes) throw tooLarge("rest-xml", this.#limitBytes);
      this.#checking = this.#sink.behind(bytes)?.then(() => {
        this.#checking = undefined;
        this.#request.resume();
      });
      if (!wanted || this.#checking) this.#request.pause();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #onEnd(): Promise<void> {
    clearTimeout(this.#idle);
    if (this.destroyed) return;
    try {
      await this.#sink.end(this.#total);
      this.push(null);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!this.destroyed) this.destroy(this.#sink.failed(error) as Error);
  }

  override _read(): void {
    // From here on we wait for the sender, if it has more.
    if (!this.#request.complete) this.#idle.refresh();
    if (!this.#checking) this.#request.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#idle);
    this.#request.resume();
    callback(error);
  }
}
