import { lstatSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { RemovalAnswer } from "./remove-tree.worker.ts";

/**
 * Deletes a tree whatever modes a run gave its folders (overlayfs leaves one of mode 0000 itself). Links are deleted,
 * never followed; nothing there is no error. A thread of its own does it: a job leaves some forty files and folders, and
 * a trip to the thread pool for each of them costs the server more than a short job's whole start.
 */
export async function removeTree(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })) return;
  remover ??= new TreeRemover();
  await remover.remove(path);
}

let remover: TreeRemover | undefined;

/** The thread, which starts with the first removal and keeps no process alive by itself. */
class TreeRemover {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(): void; reject(error: Error): void }>();
  #tickets = 0;

  constructor() {
    // Sources run as they are; an emitted package has the same file as .js beside it.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`./remove-tree.worker.${extension}`, import.meta.url), {
      execArgv: [],
      name: "sagebrush-remove",
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    });
    this.#worker.on("message", (answer: RemovalAnswer) => this.#answered(answer));
    const fail = (cause: unknown) => {
      remover = undefined;
      for (const { reject } of this.#waiting.values()) reject(new Error("The removing thread ended", { cause }));
      this.#waiting.clear();
    };
    this.#worker.on("error", fail);
    this.#worker.on("exit", fail);
    // Last: listening for messages makes the thread count again.
    this.#worker.unref();
  }

  remove(path: string): Promise<void> {
    const ticket = ++this.#tickets;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ticket, { resolve, reject });
      this.#worker.postMessage({ ticket, path });
      // While someone waits the process must not end.
      this.#worker.ref();
    });
  }

  #answered({ ticket, failure }: RemovalAnswer): void {
    const waiter = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (failure) waiter?.reject(Object.assign(new Error(failure.message), { code: failure.code }));
    else waiter?.resolve();
  }
}
