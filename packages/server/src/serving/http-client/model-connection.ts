import { connect, type Socket } from "node:net";
import type { ResponseHead } from "./response-head.ts";
import { ResponseParser } from "./response-parser.ts";

/** Why there is no whole answer. */
export type Failure =
  /** No connection could be made: the server never saw the request. */
  | { readonly kind: "refused"; readonly cause: Error }
  /** The connection broke, or what came is no answer. `sawBytes`: something of an answer had come. */
  | { readonly kind: "broken"; readonly cause: Error; readonly sawBytes: boolean }
  | { readonly kind: "timeout" };

/** Hears what comes of one request. Ends with exactly one of `onEnd` and `onFailure`. */
export interface AnswerHandler {
  onHead(head: ResponseHead): void;
  /** @returns `false` to be spared more until `resume`. */
  onBody(bytes: Buffer): boolean;
  onEnd(): void;
  onFailure(failure: Failure): void;
}

/** Bodies up to this size are copied behind their head, so that one write sends both. */
const copiedBytes = 16 * 1024;
/** An idle connection is left to its server this much earlier than the server says that it closes it. */
const idleMarginMs = 1_000;
const maxIdleMs = 60_000;
/** The contract gives a container 250 ms to accept; a full backlog on a busy host deserves a little more. */
const connectTimeoutMs = 1_000;

/**
 * Every read of every connection goes here: libuv reads and calls back before it reads again, and the parser copies
 * what it keeps. Spares a buffer for each read, and the stream machinery that would carry it.
 */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * One HTTP/1.1 connection to a model server, which carries one request at a time. For the hot path: it sends what it is
 * given in one write and knows no redirects, no proxies, no TLS and no pipelining.
 */
export class ModelConnection {
  readonly #socket: Socket;
  readonly #parser = new ResponseParser();
  readonly #lost: (connection: ModelConnection) => void;
  #handler: AnswerHandler | undefined;
  #wantsMore = true;
  #sawBytes = false;
  #isConnected = false;
  #cause: Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = 0;
  /** By `performance.now()`. 0 when it must not be used again. */
  #usableUntil = 0;

  /**
   * @param address - `unix:PATH` or `tcp:HOST:PORT`.
   * @param lost - Called when it has closed, whoever closed it.
   */
  constructor(address: string, lost: (connection: ModelConnection) => void) {
    this.#lost = lost;
    const onread = { buffer: shared, callback: (length: number) => this.#read(length) };
    this.#socket = connect({ ...targetOf(address), onread });
    this.#socket.once("connect", () => {
      this.#isConnected = true;
      this.#socket.setTimeout(0);
    });
    this.#socket.setTimeout(connectTimeoutMs, () => this.#socket.destroy(new Error("connecting took too long")));
    this.#socket.on("error", (cause) => {
      this.#cause = cause;
    });
    this.#socket.once("close", (hadError) => this.#onClose(hadError));
  }

  /** Whether another request may be sent. */
  get isUsable(): boolean {
    return this.#usableUntil > performance.now();
  }

  /**
   * Sends a request.
   * @param head - Request line and fields, up to and with the empty line; one character a byte.
   * @param timeoutMs - For the whole answer.
   */
  send(head: string, body: Buffer, timeoutMs: number, handler: AnswerHandler): void {
    this.#handler = handler;
    this.#usableUntil = 0;
    this.#wantsMore = true;
    this.#sawBytes = false;
    this.#parser.begin(this);
    this.#arm(timeoutMs);
    if (body.length <= copiedBytes) {
      const message = Buffer.allocUnsafe(head.length + body.length);
      message.write(head, 0, "latin1");
      body.copy(message, head.length);
      this.#socket.write(message);
      return;
    }
    this.#socket.cork();
    this.#socket.write(head, "latin1");
    this.#socket.write(body);
    this.#socket.uncork();
  }

  /** Goes on after `onBody` has returned `false`. */
  resume(): void {
    this.#wantsMore = true;
    this.#socket.resume();
  }

  /** Closes it. A request under way fails. */
  close(): void {
    this.#usableUntil = 0;
    this.#socket.destroy();
  }

  /** Of the parser. */
  onHead(head: ResponseHead): void {
    this.#handler?.onHead(head);
  }

  /** Of the parser. */
  onBody(bytes: Buffer): void {
    if (this.#handler?.onBody(bytes) === false) this.#wantsMore = false;
  }

  /** @returns Whether to read on. */
  #read(length: number): boolean {
    if (this.#handler === undefined) {
      // Nothing was asked: whatever this is, it must not be taken for the answer to the next request.
      this.close();
      return true;
    }
    this.#sawBytes = true;
    try {
      const taken = this.#parser.push(shared.subarray(0, length));
      if (!this.#parser.isDone) return this.#wantsMore;
      this.#finish(taken === length);
    } catch (error) {
      this.#fail({ kind: "broken", cause: error as Error, sawBytes: true });
      this.close();
    }
    return true;
  }

  /** @param isClean - Nothing followed the answer. */
  #finish(isClean: boolean): void {
    const handler = this.#handler;
    this.#handler = undefined;
    const { keepsAlive = false, idleSeconds } = this.#parser.head ?? {};
    if (keepsAlive && isClean) {
      const idleMs = idleSeconds === undefined ? maxIdleMs : Math.min(maxIdleMs, idleSeconds * 1_000 - idleMarginMs);
      this.#usableUntil = performance.now() + idleMs;
    } else {
      this.close();
    }
    handler?.onEnd();
  }

  #fail(failure: Failure): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onFailure(failure);
  }

  #onClose(hadError: boolean): void {
    clearTimeout(this.#timer);
    this.#usableUntil = 0;
    if (this.#handler !== undefined) this.#onBreak(hadError);
    this.#lost(this);
  }

  #onBreak(hadError: boolean): void {
    let cause = this.#cause;
    try {
      // Some servers say where a body ends by closing.
      if (!hadError) this.#parser.end();
    } catch (error) {
      cause = error as Error;
    }
    if (!hadError && this.#parser.isDone) this.#finish(false);
    else if (!this.#isConnected) this.#fail({ kind: "refused", cause: cause ?? new Error("no connection") });
    else this.#fail({ kind: "broken", cause: cause ?? new Error("closed"), sawBytes: this.#sawBytes });
  }

  /**
   * One timer for as long as the connection lives, set back by each request and never cleared: when it fires while
   * nothing is under way, the connection has been idle for long enough to be closed.
   */
  #arm(timeoutMs: number): void {
    if (this.#timer !== undefined && this.#timerMs === timeoutMs) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#timerMs = timeoutMs;
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(1, timeoutMs));
  }

  #onTimer(): void {
    this.#fail({ kind: "timeout" });
    // The server may go on; its answer would come at the wrong time.
    this.close();
  }
}

function targetOf(address: string): { path: string } | { host: string; port: number; noDelay: true } {
  if (address.startsWith("unix:")) return { path: address.slice(5) };
  const { hostname, port } = new URL(`http://${address.replace(/^tcp:/u, "")}`);
  return { host: hostname.replace(/^\[|\]$/gu, ""), port: Number(port === "" ? 80 : port), noDelay: true };
}
