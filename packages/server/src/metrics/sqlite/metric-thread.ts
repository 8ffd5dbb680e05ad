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
  /** Looks at logs may take seconds: one goes with each batch. */
  #looks: Waiting[] = [];
  #underway: readonly Waiting[] = [];
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
    this.#underway = [...this.#waiting.splice(0, maxBatch), ...this.#looks.splice(0, 1)];
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    worker.postMessage(this.#underway.map(({ task }) => task));
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
      for (const [index, { resolve, reject }] of settled.entries()) {
        if ("results" in answer) resolve(answer.results[index] as never);
        else reject(answer.error);
      }
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
