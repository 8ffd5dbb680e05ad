import { Worker } from "node:worker_threads";
import type { FileToWrite, TreeAnswer, TreeRequest } from "./tree-thread.worker.ts";

/**
 * Has a thread of its own walk a tree: a job leaves some forty files and folders, and a trip to the thread pool for each of
 * them costs the server more than a short job's whole start.
 * @returns Bytes, of a measurement.
 * @throws What the system says, with its code.
 */
export function askTreeThread(request: Exclude<TreeRequest, { write: unknown }>): Promise<number> {
  return threadFor("sagebrush-trees").ask(request);
}

/**
 * Writes new files, read-only and not synced, on a thread that no large tree holds up: the calls that do it without
 * waiting cost the calling thread five times what the files cost. All are written or none.
 * @throws What the system says, with its code: `EEXIST`, `ENOSPC`.
 */
export async function writeFilesOnThread(write: readonly FileToWrite[]): Promise<void> {
  if (write.length > 0) await threadFor("sagebrush-files").ask({ write });
}

const threads = new Map<string, TreeThread>();

function threadFor(name: string): TreeThread {
  let thread = threads.get(name);
  if (thread === undefined) {
    thread = new TreeThread(name, () => threads.delete(name));
    threads.set(name, thread);
  }
  return thread;
}

/** The thread, which starts with the first request and keeps no process alive by itself. */
class TreeThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(bytes: number): void; reject(error: Error): void }>();
  #tickets = 0;

  constructor(name: string, ended: () => void) {
    // Sources run as they are; an emitted package has the same file as .js beside it.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`./tree-thread.worker.${extension}`, import.meta.url), {
      execArgv: [],
      name,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on("message", (answer: TreeAnswer) => this.#answered(answer));
    const fail = (cause: unknown) => {
      ended();
      for (const { reject } of this.#waiting.values()) reject(new Error("The thread for files ended", { cause }));
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
