import type { AnswerHandler, Failure, ModelConnection } from "../http-client/model-connection.ts";
import { postHead } from "../http-client/request-head.ts";
import type { ResponseHead } from "../http-client/response-head.ts";
import type { Backend } from "../routing/backend.ts";

/** Where a good answer goes that is not kept: an HTTP response, or events about one. */
export interface AnswerSink {
  /** Whoever listened is gone: what still comes is dropped. */
  readonly destroyed: boolean;
  /** @returns `false` to be spared more until `drain`. */
  write(chunk: Buffer): boolean;
  /** The answer is whole. */
  end(): void;
  /** It will never be whole. */
  breakOff(why: "broken" | "timeout"): void;
  on(event: "drain" | "close", listener: () => void): unknown;
}

/** One request to a model server. */
export interface ModelRequest {
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Good answers up to this size are kept and come in one piece; 64 KiB where absent. */
  readonly keptBytes?: number;
  /**
   * Called when a good answer is too long to be kept: its head goes out and the rest flows into what this returns. Not
   * called for errors.
   */
  readonly overflow: (status: number, headers: readonly string[]) => AnswerSink;
}

/** What came of one attempt. */
export type SendOutcome =
  /** The answer is whole. `headers` are names and values in turn; `body` of an error holds its beginning only. */
  | { readonly kind: "answered"; readonly status: number; readonly headers: readonly string[]; readonly body: Buffer }
  /** The answer was too long to keep and went out as it came. */
  | { readonly kind: "streamed"; readonly status: number; readonly isWhole: boolean }
  | Failure;

/** Answers up to this size are sent in one piece, and only when they are whole. */
const keptBytes = 64 * 1024;
/** ModelError carries no more of an error's body than 2,048 characters. */
const keptErrorBytes = 8 * 1024;
const noBytes = Buffer.alloc(0);

/**
 * Sends a request to one instance. Never rejects: what went wrong is an outcome.
 * @param timeoutMs - For the whole answer.
 */
export function send(backend: Backend, request: ModelRequest, timeoutMs: number): Promise<SendOutcome> {
  const head = postHead(request.path, request.headers, request.body.length);
  return new Promise((resolve) => {
    const connection = backend.acquire();
    connection.send(head, request.body, timeoutMs, new Attempt(backend, connection, request, resolve));
  });
}

/** One request's answer: kept while it is short, passed on when it is not. */
class Attempt implements AnswerHandler {
  readonly #backend: Backend;
  readonly #connection: ModelConnection;
  readonly #request: ModelRequest;
  readonly #resolve: (outcome: SendOutcome) => void;
  #head: ResponseHead | undefined = undefined;
  #chunks: Buffer[] = [];
  #size = 0;
  #response: AnswerSink | undefined = undefined;
  #isOver = false;

  constructor(
    backend: Backend,
    connection: ModelConnection,
    request: ModelRequest,
    resolve: (outcome: SendOutcome) => void,
  ) {
    this.#backend = backend;
    this.#connection = connection;
    this.#request = request;
    this.#resolve = resolve;
  }

  onHead(head: ResponseHead): void {
    this.#head = head;
  }

  onBody(chunk: Buffer): boolean {
    if (this.#response !== undefined) return this.#pass(this.#response, chunk);
    this.#size += chunk.length;
    if (this.#isGood()) {
      this.#chunks.push(chunk);
      return this.#size <= (this.#request.keptBytes ?? keptBytes) || this.#overflow();
    }
    if (this.#size - chunk.length < keptErrorBytes) this.#chunks.push(chunk);
    return true;
  }

  onEnd(): void {
    const { status, headers } = this.#head as ResponseHead;
    if (this.#response === undefined) {
      this.#end({ kind: "answered", status, headers, body: this.#body() });
      return;
    }
    this.#response.end();
    this.#end({ kind: "streamed", status, isWhole: true });
  }

  onFailure(failure: Failure): void {
    if (this.#response === undefined) {
      this.#end(failure);
      return;
    }
    this.#response.breakOff(failure.kind === "timeout" ? "timeout" : "broken");
    this.#end({ kind: "streamed", status: (this.#head as ResponseHead).status, isWhole: false });
  }

  #isGood(): boolean {
    const { status } = this.#head as ResponseHead;
    return status >= 200 && status < 300;
  }

  #body(): Buffer {
    if (this.#chunks.length === 1) return this.#chunks[0] as Buffer;
    return this.#chunks.length === 0 ? noBytes : Buffer.concat(this.#chunks);
  }

  #overflow(): boolean {
    const { status, headers } = this.#head as ResponseHead;
    const response = this.#request.overflow(status, headers);
    this.#response = response;
    // A connection that was given back is another request's.
    const resume = (): void => {
      if (!this.#isOver) this.#connection.resume();
    };
    response.on("drain", resume);
    // A caller that hung up must not hold the model: what still comes is read and dropped.
    response.on("close", resume);
    const kept = this.#body();
    this.#chunks = [];
    return this.#pass(response, kept);
  }

  #pass(response: AnswerSink, chunk: Buffer): boolean {
    return response.destroyed || response.write(chunk);
  }

  #end(outcome: SendOutcome): void {
    this.#isOver = true;
    this.#backend.release(this.#connection);
    this.#resolve(outcome);
  }
}
