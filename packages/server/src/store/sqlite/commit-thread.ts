import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Task, TaskResult } from "./committer.ts";
import { createCommitter } from "./committer.ts";
import { openForWriting } from "./schema.ts";

/** Commits one batch at a time, on whichever thread. */
export interface CommitThread {
  commit(tasks: readonly Task[]): Promise<TaskResult[]>;
  close(): Promise<void>;
}

/** Commits on the calling thread, which waits for the disk: for commands that do nothing else, and for tests. */
export function commitInline(path: string): CommitThread {
  const database = openForWriting(path);
  const committer = createCommitter(database);
  return {
    commit: async (tasks) => committer.commit(tasks),
    close: async () => database.close(),
  };
}

/**
 * Commits on a thread of its own: an fsync takes 0.2 to 10 ms, which no request on the main thread should wait for.
 * The thread starts while the caller goes on; what is committed before it is ready waits for it.
 */
export function commitInWorker(path: string): CommitThread {
  // Sources run as they are; an emitted package has the same file as .js beside it.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./commit-worker.${extension}`, import.meta.url), {
    workerData: path,
    execArgv: [],
    name: "sagebrush-commit",
    // The young generation of a thread that only passes texts on; the default would keep more resident.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
  let waiting: { resolve(results: TaskResult[]): void; reject(error: unknown): void } | undefined;
  let dead: Error | undefined;
  worker.on("message", (answer: { results: TaskResult[] } | { error: unknown }) => {
    const settled = waiting;
    waiting = undefined;
    worker.unref();
    if ("results" in answer) settled?.resolve(answer.results);
    else settled?.reject(answer.error);
  });
  worker.on("error", (error) => {
    dead = new Error("The commit thread failed; restart the server.", { cause: error });
    waiting?.reject(dead);
  });
  // A store that was not closed must not keep a finished command alive.
  worker.unref();
  return {
    commit(tasks) {
      if (dead) return Promise.reject(dead);
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        worker.ref();
        worker.postMessage(tasks);
      });
    },
    async close() {
      if (dead) return;
      worker.ref();
      const exit = once(worker, "exit");
      worker.postMessage("close");
      await exit;
    },
  };
}
