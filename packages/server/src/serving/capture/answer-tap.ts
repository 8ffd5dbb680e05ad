import type { AnswerSink, SendOutcome } from "../invoke/send.ts";

/** A good answer, whole. */
export interface WholeAnswer {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Longer answers are passed on and not kept. */
const mostKeptBytes = 25 * 1024 * 1024;

/**
 * Keeps an answer for whoever captures or compares it, while it goes out to its caller as it would without: chunks are
 * remembered, not copied, and none of them waits.
 */
export class AnswerTap {
  #chunks: Buffer[] = [];
  #size = 0;
  #headers: readonly string[] = [];
  #isWhole = false;

  /** The sink, with its ear at it. */
  around(sink: AnswerSink, headers: readonly string[]): AnswerSink {
    this.#headers = headers;
    return {
      get destroyed() {
        return sink.destroyed;
      },
      write: (chunk) => {
        this.#keep(chunk);
        return sink.write(chunk);
      },
      end: () => {
        // What came after the caller hung up was not written.
        this.#isWhole = !sink.destroyed && this.#size <= mostKeptBytes;
        sink.end();
      },
      breakOff: (why) => sink.breakOff(why),
      on: (event, listener) => sink.on(event, listener),
    };
  }

  /** The answer, where it is good, whole and short enough. */
  answer(outcome: SendOutcome): WholeAnswer | undefined {
    if (outcome.kind === "answered") return outcome.status >= 200 && outcome.status < 300 ? outcome : undefined;
    if (outcome.kind !== "streamed" || !outcome.isWhole || !this.#isWhole) return undefined;
    return { headers: this.#headers, body: Buffer.concat(this.#chunks) };
  }

  #keep(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size <= mostKeptBytes) this.#chunks.push(chunk);
    else this.#chunks = [];
  }
}
