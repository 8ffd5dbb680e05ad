import type { CommitThread } from "./commit-thread.ts";
import type { Task, TaskResult } from "./committer.ts";

/** Tasks of one commit at most: keeps a single transaction short. */
const batchLimit = 1_000;
/** Tasks waiting at most; beyond it a write fails at once instead of growing a queue without end. */
const queueLimit = 50_000;

/** More writes wait than the disk can take; the caller may try again later. */
export class StoreOverloaded extends Error {
  override readonly name = "StoreOverloaded";
}

interface Waiting {
  readonly task: Task;
  resolve(result: TaskResult): void;
  reject(error: unknown): void;
}

/**
 * Commits everything that was asked for in one turn of the event loop, or while the commit before was under way, in
 * one transaction: the price of an fsync is shared by all of them.
 */
export class GroupCommit {
  readonly #thread: CommitThread;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(thread: CommitThread) {
    this.#thread = thread;
  }

  /** Resolves when the task is on the disk. @throws StoreOverloaded; what SQLite throws. */
  run(task: Task): Promise<TaskResult> {
    if (this.#closing) return Promise.reject(new Error("The store is closed."));
    if (this.#queue.length >= queueLimit) {
      return Promise.reject(new StoreOverloaded(`${queueLimit} writes are waiting for the disk.`));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  /** Commits what is waiting, then closes the thread. */
  close(): Promise<void> {
    this.#closing ??= (this.#running ?? Promise.resolve()).then(() => this.#thread.close());
    return this.#closing;
  }

  async #drain(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, batchLimit);
      try {
        const results = await this.#thread.commit(batch.map(({ task }) => task));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as TaskResult);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = undefined;
  }
}
