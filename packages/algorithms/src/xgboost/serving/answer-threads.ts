import { Worker } from "node:worker_threads";
import type { ModelAnswer, ModelRequest } from "../../job/algorithm.ts";
import { workerFile } from "../../job/build-files.ts";
import { RequestError } from "../../job/errors.ts";
import type { AnswerResult, AnswerWork, SentRequest } from "./answer.worker.ts";

interface Thread {
  readonly worker: Worker;
  /** In the order of what the worker was sent. */
  readonly waiting: PromiseWithResolvers<ModelAnswer>[];
}

/**
 * Answers large requests on threads that have the model too, several at a time. They are started by the first such request, unless
 * they were before: servers that answer single rows have none.
 */
export class AnswerThreads {
  readonly #count: number;
  readonly #work: AnswerWork;
  #threads: Thread[] = [];

  constructor(count: number, work: AnswerWork) {
    this.#count = count;
    this.#work = work;
  }

  /** Starts the threads, where there are none. */
  start(): void {
    if (this.#threads.length === 0) this.#threads = Array.from({ length: this.#count }, () => this.#start());
  }

  /**
   * Answers as `Answerer.answer` does. The body's memory is the thread's from then on.
   * @throws RequestError
   */
  answer({ contentType, accept, body }: ModelRequest): Promise<ModelAnswer> {
    this.start();
    const thread = this.#threads.reduce((a, b) => (b.waiting.length < a.waiting.length ? b : a));
    const answer = Promise.withResolvers<ModelAnswer>();
    thread.waiting.push(answer);
    // A part of Node's pool is shared with others.
    const bytes = body.byteLength === body.buffer.byteLength ? body : new Uint8Array(body);
    const request: SentRequest = { contentType, accept, bytes };
    thread.worker.postMessage(request, [bytes.buffer as ArrayBuffer]);
    return answer.promise;
  }

  #start(): Thread {
    const worker = new Worker(workerFile(import.meta.url, "answer.worker"), { workerData: this.#work });
    const thread: Thread = { worker, waiting: [] };
    let cause: unknown;
    worker.on("message", (result: AnswerResult) => {
      const answer = thread.waiting.shift();
      if ("answer" in result) answer?.resolve(result.answer);
      else if ("status" in result) answer?.reject(new RequestError(result.status, result.message));
      else answer?.reject(new Error(result.failure));
    });
    worker.on("error", (error) => {
      cause = error;
    });
    // What it was sent fails, and the others go on; with none left, the next request starts all of them.
    worker.on("exit", () => {
      this.#threads = this.#threads.filter((each) => each !== thread);
      for (const answer of thread.waiting.splice(0)) {
        answer.reject(new Error("a thread that answers large requests ended", { cause }));
      }
    });
    worker.unref();
    return thread;
  }
}
