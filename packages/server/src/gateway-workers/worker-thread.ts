import { Worker } from "node:worker_threads";
import type { FromWorker, RouteChange, ToWorker, WorkerOrder } from "./messages.ts";

/** What a worker asks of the main process. */
export interface MainDuties {
  counted(message: Extract<FromWorker, { kind: "counted" }>): void;
  suspected(runId: string): void;
  /** Does what takes its time; what it throws goes back. */
  carryOut(message: Extract<FromWorker, { kind: "find" | "put" }>): Promise<void>;
}

/** A worker that has not gone by a route for so long hangs, and is ended. */
const mostSilenceMs = 10_000;

/** One gateway worker as the main process sees it: a thread from its start to its end. */
export class WorkerThread {
  /** The port that it listens on. Rejects when it cannot. */
  readonly listening: Promise<number>;
  /** Resolves with the reason, whatever it was. */
  readonly ended: Promise<string>;
  readonly #worker: Worker;
  readonly #duties: MainDuties;
  readonly #waiting = new Map<number, () => void>();
  #tickets = 0;

  constructor(order: WorkerOrder, duties: MainDuties) {
    this.#duties = duties;
    // Sources run as they are; an emitted package has the same file as .js beside it.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`./gateway-thread.worker.${extension}`, import.meta.url), {
      execArgv: [],
      name: `sagebrush-gateway-${order.worker}`,
      workerData: order,
    });
    let reason = "";
    this.#worker.on("error", (error: unknown) => {
      reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once("exit", (code) => {
        for (const done of this.#waiting.values()) done();
        this.#waiting.clear();
        resolve(reason === "" ? `it ended with code ${code}` : reason);
      });
    });
    this.listening = new Promise((resolve, reject) => {
      this.#worker.on("message", (message: FromWorker) => {
        if (message.kind === "listening") resolve(message.port);
        else this.#hear(message);
      });
      void this.ended.then((why) => reject(new Error(`A gateway worker could not start: ${why}`)));
    });
    // Who waits for it hears of a failure; after a start nobody does.
    this.listening.catch(() => undefined);
  }

  /** Tells a route. Resolves when the worker goes by it, or is no more. */
  route(change: RouteChange): Promise<void> {
    const ticket = ++this.#tickets;
    return new Promise((resolve) => {
      const overdue = setTimeout(() => void this.#worker.terminate(), mostSilenceMs).unref();
      this.#waiting.set(ticket, () => {
        clearTimeout(overdue);
        resolve();
      });
      this.#tell({ kind: "route", ticket, change });
    });
  }

  /** Lets it end what is under way. Resolves when it is gone. */
  async drain(graceMs: number): Promise<void> {
    this.#tell({ kind: "drain", graceMs });
    await this.ended;
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #hear(message: Exclude<FromWorker, { kind: "listening" }>): void {
    switch (message.kind) {
      case "done":
        this.#waiting.get(message.ticket)?.();
        this.#waiting.delete(message.ticket);
        return;
      case "counted":
        return this.#duties.counted(message);
      case "suspected":
        return this.#duties.suspected(message.runId);
      case "find":
      case "put": {
        const { ticket } = message;
        this.#duties.carryOut(message).then(
          () => this.#tell({ kind: "done", ticket }),
          (error: unknown) => this.#tell({ kind: "done", ticket, failure: String(error) }),
        );
      }
    }
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}
