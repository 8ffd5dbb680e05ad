import type { AnswerHandler, Failure, ModelConnection } from "../../serving/http-client/model-connection.ts";
import { postHead } from "../../serving/http-client/request-head.ts";
import type { ResponseHead } from "../../serving/http-client/response-head.ts";
import type { Backend } from "../../serving/routing/backend.ts";
import { KeptAnswer } from "./kept-answer.ts";

/** What came of one attempt at a request. */
export type AttemptOutcome =
  | { readonly kind: "answered"; readonly status: number; readonly answer: KeptAnswer }
  | Failure;

/** One request to a model server. */
export interface BatchRequest {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly timeoutMs: number;
  /** Where an answer that is too large for memory is kept. */
  readonly folder: string;
}

/**
 * Sends a request once. What went wrong is an outcome.
 * @throws The signal's reason once that is aborted, and what the disk throws that a large answer is kept on.
 */
export async function attempt(backend: Backend, request: BatchRequest, signal: AbortSignal): Promise<AttemptOutcome> {
  signal.throwIfAborted();
  const { body, headers, timeoutMs, folder } = request;
  const connection = backend.acquire();
  const answer = new KeptAnswer(folder);
  const onAbort = (): void => connection.close();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const outcome = await new Promise<AttemptOutcome>((resolve, reject) => {
      const handler = new Handler(connection, answer, resolve, reject);
      connection.send(postHead("/invocations", headers, body.length), body, timeoutMs, handler);
    });
    signal.throwIfAborted();
    if (outcome.kind !== "answered") await answer.discard();
    return outcome;
  } catch (error) {
    connection.close();
    await answer.discard();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    backend.release(connection);
  }
}

class Handler implements AnswerHandler {
  readonly #connection: ModelConnection;
  readonly #answer: KeptAnswer;
  readonly #resolve: (outcome: AttemptOutcome) => void;
  readonly #reject: (error: unknown) => void;
  #head: ResponseHead | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #isFlushing = false;

  constructor(
    connection: ModelConnection,
    answer: KeptAnswer,
    resolve: (outcome: AttemptOutcome) => void,
    reject: (error: unknown) => void,
  ) {
    this.#connection = connection;
    this.#answer = answer;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onHead(head: ResponseHead): void {
    this.#head = head;
  }

  onBody(bytes: Buffer): boolean {
    const isFull = this.#answer.add(bytes);
    if (isFull && !this.#isFlushing) {
      this.#isFlushing = true;
      this.#flushing = this.#answer.flush().then(
        () => {
          this.#isFlushing = false;
          this.#connection.resume();
        },
        (error: unknown) => {
          this.#connection.close();
          this.#reject(error);
        },
      );
    }
    return !this.#isFlushing;
  }

  onEnd(): void {
    const { status } = this.#head as ResponseHead;
    this.#after({ kind: "answered", status, answer: this.#answer });
  }

  onFailure(failure: Failure): void {
    this.#after(failure);
  }

  #after(outcome: AttemptOutcome): void {
    void this.#flushing.then(() => this.#resolve(outcome));
  }
}
