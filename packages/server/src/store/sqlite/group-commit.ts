import type { CommitThread } from "./commit-thread.ts";
import type { Task, TaskResult } from "./committer.ts";

/** What one commit takes at most, and what may wait for one; beyond it a write fails at once. */
export interface CommitLimits {
  readonly batchTasks: number;
  /** Characters of all values. */
  readonly batchText: number;
  readonly queueTasks: number;
  readonly queueText: number;
}

const defaults: CommitLimits = {
  batchTasks: 1_000,
  batchText: 16 * 1024 * 1024,
  queueTasks: 50_000,
  queueText: 256 * 1024 * 1024,
};

/** How long a commit waits for writers that the last one answered, and how many turns without a new one end the wait. */
const gatherMs = 2;
const quietTurns = 8;

/** More writes wait than the disk can take; the caller may try again later. */
export class StoreOverloaded extends Error {
  override readonly name = "StoreOverloaded";
}

interface Waiting {
  readonly task: Task;
  readonly text: number;
  readonly resolve: (result: TaskResult) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commits everything that was asked for in one turn of the event loop, or while the commit before was under way, in
 * one transaction: the price of an fsync is shared by all of them.
 *
 * Writers that one commit answered tend to come back together, one turn apart. Without more ado the first of them would
 * be committed alone and the others wait for it, again and again; so a commit waits until half of them are there. A
 * writer that was alone does not wait.
 */
export class GroupCommit {
  readonly #thread: CommitThread;
  readonly #limits: CommitLimits;
  #queue: Waiting[] = [];
  #queuedText = 0;
  #lastBatch = 0;
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(thread: CommitThread, limits: CommitLimits = defaults) {
    this.#thread = thread;
    this.#limits = limits;
  }

  /** Resolves when the task is on the disk. @throws StoreOverloaded; what SQLite throws. */
  run(task: Task): Promise<TaskResult> {
    if (this.#closing) return Promise.reject(new Error("The store is closed."));
    const text = task.task === "write" ? task.writes.reduce((sum, { value }) => sum + value.length, 0) : 0;
    const isFull = this.#queue.length >= this.#limits.queueTasks || this.#queuedText + text > this.#limits.queueText;
    if (isFull) return Promise.reject(new StoreOverloaded(`${this.#queue.length} writes are waiting for the disk.`));
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, text, resolve, reject });
      this.#queuedText += text;
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
      if (this.#queue.length < this.#lastBatch / 2) await this.#gather();
      const batch = this.#takeBatch();
      this.#lastBatch = batch.length;
      try {
        const results = await this.#thread.commit(batch.map(({ task }) => task));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as TaskResult);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = undefined;
  }

  /** Waits while writers keep coming, until half as many as the last time are there. */
  async #gather(): Promise<void> {
    const until = performance.now() + gatherMs;
    let quiet = 0;
    while (this.#queue.length < this.#lastBatch / 2 && quiet < quietTurns && performance.now() < until) {
      const before = this.#queue.length;
      await new Promise<void>((resolve) => setImmediate(resolve));
      quiet = this.#queue.length > before ? 0 : quiet + 1;
    }
  }

  /** As much of the queue's beginning as one commit takes, at least one task. */
  #takeBatch(): Waiting[] {
    let count = 0;
    let text = 0;
    for (const waiting of this.#queue) {
      const isOver = count >= this.#limits.batchTasks || text + waiting.text > this.#limits.batchText;
      if (count > 0 && isOver) break;
      count++;
      text += waiting.text;
    }
    this.#queuedText -= text;
    return this.#queue.splice(0, count);
  }
}
