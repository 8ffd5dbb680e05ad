import { Worker } from "node:worker_threads";
import type { DigestAlgorithm, Digests } from "./digest-set.ts";
import type { DigestRequest } from "./digest-worker.ts";

/** Digests over one stream, computed off the event loop. */
export interface DigestStream {
  /** Resolves when the block has been read and may be filled again. @param block - A view of shared memory. */
  update(block: Uint8Array): Promise<void>;
  end(): Promise<Digests>;
  /** Forgets the stream after a failure. */
  abandon(): void;
}

interface Waiter {
  resolve(digests: Digests | undefined): void;
  reject(error: Error): void;
}

/**
 * One thread that hashes large uploads. MD5 takes 1.8 ms a MiB: on the event loop a 64 MiB upload would stall every
 * other request for a tenth of a second. The thread starts with the first large upload, so that an idle server does
 * not pay for it, and does not keep the process alive.
 */
export class DigestThread {
  #worker: Worker | undefined;
  #streams = 0;
  #tickets = 0;
  readonly #waiting = new Map<number, Waiter>();

  open(algorithms: readonly DigestAlgorithm[]): DigestStream {
    const stream = ++this.#streams;
    this.#post({ op: "open", stream, algorithms });
    return {
      update: async (block) => {
        await this.#ask((ticket) => ({ op: "update", stream, block, ticket }));
      },
      end: async () => (await this.#ask((ticket) => ({ op: "end", stream, ticket }))) ?? {},
      abandon: () => this.#post({ op: "abandon", stream }),
    };
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #ask(request: (ticket: number) => DigestRequest): Promise<Digests | undefined> {
    const ticket = ++this.#tickets;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ticket, { resolve, reject });
      this.#post(request(ticket));
      // While someone waits the process must not end.
      this.#worker?.ref();
    });
  }

  #post(request: DigestRequest): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
  }

  #start(): Worker {
    // Sources run as they are; an emitted package has the same file as .js beside it.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./digest-worker.${extension}`, import.meta.url), {
      execArgv: [],
      name: "sagebrush-digests",
    });
    worker.on("message", ({ ticket, digests }: { ticket: number; digests?: Digests }) => {
      this.#waiting.get(ticket)?.resolve(digests);
      this.#waiting.delete(ticket);
      if (this.#waiting.size === 0) worker.unref();
    });
    const fail = (cause: unknown) => {
      this.#worker = undefined;
      for (const waiter of this.#waiting.values()) waiter.reject(new Error("the digest thread ended", { cause }));
      this.#waiting.clear();
    };
    worker.on("error", fail);
    worker.on("exit", fail);
    // Last: listening for messages makes the thread count again.
    worker.unref();
    return worker;
  }
}
