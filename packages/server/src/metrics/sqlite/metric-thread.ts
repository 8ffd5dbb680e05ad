import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { MetricMethods, MetricTask } from "./metric-database.ts";

interface Waiting {
  readonly task: MetricTask;
  resolve(result: never): void;
  reject(error: unknown): void;
}

/** Tasks of one batch, which is one message and one transaction. */
const maxBatch = 500;
/** Looks at logs that a batch may have besides; those that it has no time for come back. */
const maxLooks = 64;
/** Tasks that wait; more are refused, since whoever sends them is faster than the disk. */
const maxWaiting = 20_000;

/**
 * The thread that owns the database of metrics. It starts with the first task: most commands and tests have none. What
 * comes while a batch is under way goes together into the next one.
 */
export class MetricThread {
  readonly #path: string;
  #worker: Worker | undefined;
  #waiting: Waiting[] = [];
  /** Looks at logs may take seconds: they come last in a batch, and only as many of them as fit a moment. */
  #looks: Waiting[] = [];
  #underway: readonly Waiting[] = [];
  /** Tasks of a batch that failed: each gets a batch of its own, so that only those fail that must. */
  #singly = 0;
  #dead: Error | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  ask<Name extends keyof MetricMethods>(
    method: Name,
    ...args: Parameters<MetricMethods[Name]>
  ): Promise<ReturnType<MetricMethods[Name]>> {
    if (this.#dead) return Promise.reject(this.#dead);
    const queue = method === "followLog" ? this.#looks : this.#waiting;
    if (queue.length >= maxWaiting) return Promise.reject(new Error("Metrics come faster than they can be written."));
    return new Promise((resolve, reject) => {
      queue.push({ task: [method, ...args] as unknown as MetricTask, resolve, reject });
      this.#send();
    });
  }

  async close(): Promise<void> {
    while (this.#underway.length > 0 && !this.#dead) await new Promise((resolve) => setTimeout(resolve, 5));
    this.#dead ??= new Error("The metrics are closed.");
    const worker = this.#worker;
    if (!worker) return;
    worker.ref();
    const exit = once(worker, "exit");
    worker.postMessage("close");
    await exit;
  }

  #send(): void {
    if (this.#underway.length > 0 || this.#waiting.length + this.#looks.length === 0) return;
    this.#underway = this.#takeBatch();
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    worker.postMessage(this.#underway.map(({ task }) => task));
  }

  #takeBatch(): Waiting[] {
    if (this.#singly === 0) return [...this.#waiting.splice(0, maxBatch), ...this.#looks.splice(0, maxLooks)];
    this.#singly -= 1;
    return (this.#waiting.length > 0 ? this.#waiting : this.#looks).splice(0, 1);
  }

  #putBack(tasks: readonly Waiting[]): void {
    const isLook = ({ task: [method] }: Waiting) => method === "followLog";
    this.#waiting.unshift(...tasks.filter((each) => !isLook(each)));
    this.#looks.unshift(...tasks.filter(isLook));
  }

  /** Settles the tasks that the answer is about; the others are sent again. */
  #settle(tasks: readonly Waiting[], answer: { results: unknown[] } | { error: unknown }): void {
    if ("results" in answer) {
      for (const [index, result] of answer.results.entries()) tasks[index]?.resolve(result as never);
      this.#putBack(tasks.slice(answer.results.length));
    } else if (tasks.length > 1) {
      this.#singly = tasks.length;
      this.#putBack(tasks);
    } else {
      for (const { reject } of tasks) reject(answer.error);
    }
  }

  #start(): Worker {
    // Sources run as they are; an emitted package has the same file as .js beside it.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./metric-worker.${extension}`, import.meta.url), {
      workerData: this.#path,
      execArgv: [],
      name: "sagebrush-metrics",
    });
    worker.on("message", (answer: { results: unknown[] } | { error: unknown }) => {
      const settled = this.#underway;
      this.#underway = [];
      // A store that was not closed must not keep a finished command alive.
      worker.unref();
      this.#settle(settled, answer);
      this.#send();
    });
    worker.on("error", (error) => {
      this.#dead = new Error("The metric thread failed; restart the server.", { cause: error });
      for (const { reject } of [...this.#underway, ...this.#waiting, ...this.#looks]) reject(this.#dead);
      this.#underway = [];
      this.#waiting = [];
      this.#looks = [];
    });
    return worker;
  }
}
