import { Worker } from "node:worker_threads";
import type { TreeAnswer, TreeRequest } from "./tree-thread.worker.ts";

/**
 * Has a thread of its own walk a tree: a job leaves some forty files and folders, and a trip to the thread pool for each of
 * them costs the server more than a short job's whole start.
 * @returns Bytes, of a measurement.
 * @throws What the system says, with its code.
 */
export function askTreeThread(request: TreeRequest): Promise<number> {
  thread ??= new TreeThread();
  return thread.ask(request);
}

let thread: TreeThread | undefined;

/** The thread, which starts with the first request and keeps no process alive by itself. */
class TreeThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(bytes: number): void; reject(error: Error): void }>();
  #tickets = 0;

  constructor() {
    // Sources run as they are; an emitted package has the same file as .js beside it.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`./tree-thread.worker.${extension}`, import.meta.url), {
      execArgv: [],
      name: "sagebrush-trees",
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on("message", (answer: TreeAnswer) => this.#answered(answer));
    const fail = (cause: unknown) => {
      thread = undefined;
      for (const { reject } of this.#waiting.values()) reject(new Error("The thread for trees ended", { cause }));
      this.#waiting.clear();
    };
    this.#worker.on("error", fail);
    this.#worker.on("exit", fail);
    // Last: listening for messages makes the thread count again.
    this.#worker.unref();
  }

  ask(request: TreeRequest): Promise<number> {
    const ticket = ++this.#tickets;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ticket, { resolve, reject });
      this.#worker.postMessage({ ticket, request });
      // While someone waits the process must not end.
      this.#worker.ref();
    });
  }

  #answered({ ticket, bytes, failure }: TreeAnswer): void {
    const waiter = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (failure) waiter?.reject(Object.assign(new Error(failure.message), { code: failure.code }));
    else waiter?.resolve(bytes);
  }
}
