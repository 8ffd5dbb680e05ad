import { checkTrailer, MalformedResponse, type ResponseHead, readHead } from "./response-head.ts";

/** Hears of a response as it comes. */
export interface ResponseSink {
  /** Once, for the final response; 1xx responses are skipped. */
  onHead(head: ResponseHead): void;
  /** The body's bytes, which belong to the callee. */
  onBody(bytes: Buffer): void;
}

/** Longest head, and longest trailer. */
const maxHeadBytes = 16 * 1024;
const maxChunkLineBytes = 1_024;
const headEnd = Buffer.from("\r\n\r\n");
const prefix = "HTTP/1.";
const noBytes = Buffer.alloc(0);
/** Size in hex, then extensions, which mean nothing to us. */
// oxlint-disable-next-line no-control-regex -- a tab may stand in an extension
const chunkLine = /^([0-9a-fA-F]{1,12})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/;

type State = "head" | "length" | "connection" | "chunkSize" | "chunk" | "chunkEnd" | "trailer" | "done";

/**
 * Takes HTTP/1 responses apart as their bytes come, in pieces of any size; one response after the other, `begin`
 * between them. Made for the common case that a response comes in one piece.
 */
export class ResponseParser {
  #sink: ResponseSink | undefined;
  #state: State = "done";
  /** The beginning of a head or line whose end has not come yet. */
  #held: Buffer = noBytes;
  #left = 0;
  #trailerBytes = 0;
  /** A server's heads are the same for a second, the granularity of `Date`: comparing costs less than reading. */
  #headText = "";
  #head: ResponseHead | undefined;

  /** Gets ready for the next response. */
  begin(sink: ResponseSink): void {
    this.#sink = sink;
    this.#state = "head";
    this.#held = noBytes;
  }

  /** The response is whole. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  /** The head of the last response, once it has come. */
  get head(): ResponseHead | undefined {
    return this.#head;
  }

  /**
   * @param bytes - Not kept: what is needed of it later is copied.
   * @returns How many bytes belong to the response; fewer than there are when something follows it.
   * @throws MalformedResponse
   */
  push(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.#state !== "done") {
      switch (this.#state) {
        case "head":
          at = this.#takeHead(bytes, at);
          break;
        case "length":
        case "chunk":
          at = this.#takeCounted(bytes, at);
          break;
        case "connection":
          this.#emit(bytes, at, bytes.length);
          at = bytes.length;
          break;
        default:
          at = this.#takeLine(bytes, at);
      }
    }
    return at;
  }

  /** The connection has ended. @throws MalformedResponse when the response is not whole. */
  end(): void {
    if (this.#state === "connection") this.#state = "done";
    if (this.#state !== "done") throw new MalformedResponse("The connection ended before the answer did.");
  }

  #takeHead(bytes: Buffer, at: number): number {
    const held = this.#held.length;
    const all = held === 0 ? bytes : Buffer.concat([this.#held, bytes.subarray(at)]);
    const from = held === 0 ? at : 0;
    const end = all.indexOf(headEnd, from);
    if ((end < 0 ? all.length : end + 4) - from > maxHeadBytes)
      throw new MalformedResponse("The answer's head is too long.");
    if (end < 0) {
      const start = all.toString("latin1", from, from + prefix.length);
      // What is not HTTP may never send an empty line: it is not waited for.
      if (!prefix.startsWith(start)) throw new MalformedResponse("The answer is not HTTP/1.");
      this.#held = held === 0 ? Buffer.from(all.subarray(from)) : all;
      return bytes.length;
    }
    this.#held = noBytes;
    this.#onHead(all.toString("latin1", from, end));
    return end + 4 - from - held + at;
  }

  #onHead(text: string): void {
    if (this.#head === undefined || this.#headText !== text) {
      this.#head = readHead(text);
      this.#headText = text;
    }
    const head = this.#head;
    // 1xx responses announce the real one.
    if (head.status < 200) return;
    this.#left = head.length;
    this.#state = head.framing === "none" ? "done" : head.framing === "chunked" ? "chunkSize" : head.framing;
    this.#sink?.onHead(head);
  }

  #takeCounted(bytes: Buffer, at: number): number {
    const to = Math.min(bytes.length, at + this.#left);
    this.#left -= to - at;
    if (this.#left === 0) this.#state = this.#state === "chunk" ? "chunkEnd" : "done";
    this.#emit(bytes, at, to);
    return to;
  }

  #emit(bytes: Buffer, from: number, to: number): void {
    this.#sink?.onBody(Buffer.from(bytes.subarray(from, to)));
  }

  #takeLine(bytes: Buffer, at: number): number {
    const feed = bytes.indexOf(0x0a, at);
    const to = feed < 0 ? bytes.length : feed + 1;
    const part = bytes.subarray(at, to);
    const line = Buffer.concat([this.#held, part]);
    const limit = this.#state === "trailer" ? maxHeadBytes : maxChunkLineBytes;
    if (line.length > limit) throw new MalformedResponse("A line of the chunked answer is too long.");
    this.#held = feed < 0 ? line : noBytes;
    if (feed >= 0) this.#onLine(line.toString("latin1"));
    return to;
  }

  #onLine(ended: string): void {
    if (!ended.endsWith("\r\n")) throw new MalformedResponse("A line of the chunked answer does not end in CR LF.");
    const line = ended.slice(0, -2);
    if (this.#state === "chunkSize") this.#onChunkSize(line);
    else if (this.#state === "trailer") this.#onTrailer(line);
    else if (line === "") this.#state = "chunkSize";
    else throw new MalformedResponse("A chunk is longer than its size says.");
  }

  #onChunkSize(line: string): void {
    const match = chunkLine.exec(line);
    if (!match) throw new MalformedResponse("A chunk does not begin with its size.");
    this.#left = Number.parseInt(match[1] as string, 16);
    this.#trailerBytes = 0;
    this.#state = this.#left === 0 ? "trailer" : "chunk";
  }

  #onTrailer(line: string): void {
    if (line === "") {
      this.#state = "done";
      return;
    }
    this.#trailerBytes += line.length;
    if (this.#trailerBytes > maxHeadBytes) throw new MalformedResponse("The answer's trailer is too long.");
    checkTrailer(line);
  }
}
