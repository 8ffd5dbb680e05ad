import type { ServerResponse } from "node:http";
import type { Client, Dispatcher } from "undici";
import type { Backend } from "../routing/backend.ts";

/** One request to a model server. */
export interface ModelRequest {
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Buffer;
  /**
   * Called when a good answer is too long to be kept: its head goes out and the rest flows into the response that this
   * returns. Not called for errors.
   */
  readonly overflow: (status: number, headers: readonly Buffer[]) => ServerResponse;
}

/** What came of one attempt. */
export type SendOutcome =
  /** The answer is whole. `headers` are names and values in turn; `body` of an error holds its beginning only. */
  | { readonly kind: "answered"; readonly status: number; readonly headers: readonly Buffer[]; readonly body: Buffer }
  /** The answer was too long to keep and went out as it came. */
  | { readonly kind: "streamed"; readonly status: number; readonly isWhole: boolean }
  /** No connection could be made: the model never saw the request. */
  | { readonly kind: "refused"; readonly cause: Error }
  /** The connection broke. */
  | { readonly kind: "broken"; readonly cause: Error; readonly sawResponse: boolean }
  | { readonly kind: "timeout" };

/** Answers up to this size are sent in one piece, and only when they are whole. */
const keptBytes = 64 * 1024;
/** ModelError carries no more of an error's body than 2,048 characters. */
const keptErrorBytes = 8 * 1024;
const noBytes = Buffer.alloc(0);
/** Codes of errors that happen before a request is written. */
const connectCodes = new Set([
  "ECONNREFUSED",
  "ENOENT",
  "EACCES",
  "ENOTSOCK",
  "EAGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_DESTROYED",
  "UND_ERR_CLOSED",
]);

/**
 * Sends a request to one instance. Never rejects: what went wrong is an outcome.
 * @param timeoutMs - For the whole answer. Node keeps one list of timers for each duration: callers use few.
 */
export function send(backend: Backend, request: ModelRequest, timeoutMs: number): Promise<SendOutcome> {
  return new Promise((resolve) => {
    const client = backend.acquire();
    const attempt = new Attempt(backend, client, request, timeoutMs, resolve);
    client.dispatch({ path: request.path, method: "POST", headers: request.headers, body: request.body }, attempt);
  });
}

function timeOut(attempt: Attempt): void {
  attempt.timeOut();
}

/**
 * undici's handler for one exchange. It uses the callbacks with raw headers: the newer ones parse every header into an
 * object, which costs more than all that is done here.
 */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #backend: Backend;
  readonly #client: Client;
  readonly #request: ModelRequest;
  readonly #resolve: (outcome: SendOutcome) => void;
  readonly #timer: NodeJS.Timeout;
  #abort: ((reason?: Error) => void) | undefined = undefined;
  #status = 0;
  #headers: readonly Buffer[] = [];
  #chunks: Buffer[] = [];
  #size = 0;
  #response: ServerResponse | undefined = undefined;
  #isOver = false;

  constructor(
    backend: Backend,
    client: Client,
    request: ModelRequest,
    timeoutMs: number,
    resolve: (outcome: SendOutcome) => void,
  ) {
    this.#backend = backend;
    this.#client = client;
    this.#request = request;
    this.#resolve = resolve;
    this.#timer = setTimeout(timeOut, Math.max(0, timeoutMs), this);
  }

  onConnect(abort: (reason?: Error) => void): void {
    if (this.#isOver) abort();
    this.#abort = abort;
  }

  onHeaders(status: number, headers: Buffer[], resume: () => void): boolean {
    // 1xx answers announce the real one.
    if (status < 200) return true;
    this.#status = status;
    this.#headers = headers;
    this.#resume = resume;
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#isOver) return true;
    if (this.#response !== undefined) return this.#pass(chunk);
    this.#size += chunk.length;
    if (this.#isGood()) {
      this.#chunks.push(chunk);
      return this.#size <= keptBytes || this.#overflow();
    }
    if (this.#size - chunk.length < keptErrorBytes) this.#chunks.push(chunk);
    return true;
  }

  onComplete(): void {
    if (this.#response !== undefined) {
      this.#response.end();
      this.#end({ kind: "streamed", status: this.#status, isWhole: true });
      return;
    }
    this.#end({ kind: "answered", status: this.#status, headers: this.#headers, body: this.#body() });
  }

  onError(cause: Error): void {
    if (this.#response !== undefined) this.#breakOff();
    else if (this.#status !== 0) this.#end({ kind: "broken", cause, sawResponse: true });
    else if (connectCodes.has((cause as NodeJS.ErrnoException).code ?? "")) this.#end({ kind: "refused", cause });
    else this.#end({ kind: "broken", cause, sawResponse: false });
  }

  #resume: () => void = () => undefined;

  #isGood(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  #body(): Buffer {
    if (this.#chunks.length === 1) return this.#chunks[0] as Buffer;
    return this.#chunks.length === 0 ? noBytes : Buffer.concat(this.#chunks);
  }

  #overflow(): boolean {
    const response = this.#request.overflow(this.#status, this.#headers);
    this.#response = response;
    response.on("drain", () => this.#resume());
    // A caller that hung up must not hold the model: what still comes is read and dropped.
    response.once("close", () => this.#resume());
    const kept = this.#body();
    this.#chunks = [];
    return this.#pass(kept);
  }

  #pass(chunk: Buffer): boolean {
    const response = this.#response as ServerResponse;
    return response.destroyed || response.write(chunk);
  }

  /** The status has gone out already: a cut connection is the only sign left that the answer is not whole. */
  #breakOff(): void {
    this.#response?.destroy();
    this.#end({ kind: "streamed", status: this.#status, isWhole: false });
  }

  timeOut(): void {
    if (this.#response !== undefined) this.#breakOff();
    else this.#end({ kind: "timeout" });
    // The model may go on; its connection cannot be used again.
    this.#abort?.(new Error("invocation timed out"));
  }

  #end(outcome: SendOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#backend.release(this.#client);
    this.#resolve(outcome);
  }
}
