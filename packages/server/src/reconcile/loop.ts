import type { Log } from "../log.ts";
import type { RecordKey, Store } from "../store/store.ts";
import { backoffMs } from "./backoff.ts";
import type { Controller, ReconcileLoop } from "./reconcile.ts";
import { TerminalError } from "./reconcile.ts";
import type { Timers } from "./timers.ts";
import { systemTimers } from "./timers.ts";
import type { Next } from "./work-queue.ts";
import { WorkQueue } from "./work-queue.ts";

/** Records of one page of a rescan. */
const scanPage = 500;

interface LoopOptions {
  readonly store: Store;
  /** One per kind. */
  readonly controllers: readonly Controller[];
  readonly log: Log;
  readonly timers?: Timers;
  /** In [0, 1); for the jitter of the backoff. */
  readonly random?: () => number;
  /** How often every unfinished record is looked at, whatever hints were lost. */
  readonly rescanMs?: number;
}

/** Makes the loop that drives every record of the controllers' kinds towards what it asks for. */
export function createLoop(options: LoopOptions): ReconcileLoop {
  return new Loop(options);
}

class Loop implements ReconcileLoop {
  readonly #store: Store;
  readonly #log: Log;
  readonly #timers: Timers;
  readonly #random: () => number;
  readonly #rescanMs: number;
  readonly #controllers: readonly Controller[];
  readonly #queues = new Map<string, WorkQueue>();
  /** Failures in a row, by key. */
  readonly #failures = new Map<string, number>();
  /** Versions that ended in a `TerminalError`: left alone until the record changes. */
  readonly #terminal = new Map<string, number>();
  #stopWatching: () => void = () => {};
  #cancelRescan: () => void = () => {};
  #scanning: Promise<void> | undefined;
  #isStopped = false;

  constructor({
    store,
    controllers,
    log,
    timers = systemTimers,
    random = Math.random,
    rescanMs = 60_000,
  }: LoopOptions) {
    this.#store = store;
    this.#log = log;
    this.#timers = timers;
    this.#random = random;
    this.#rescanMs = rescanMs;
    this.#controllers = controllers;
    for (const controller of controllers) {
      const queue = new WorkQueue(controller.concurrency, timers, (key) => this.#step(controller, key));
      this.#queues.set(controller.kind, queue);
    }
  }

  async start(): Promise<void> {
    // Watching begins first: what changes during the scan is heard of, at worst twice.
    this.#stopWatching = this.#store.watch([...this.#queues.keys()], (key) => this.wake(key));
    await this.#scanAll();
    this.#planRescan();
  }

  wake(key: RecordKey): void {
    this.#queues.get(key.kind)?.wake(encodeKey(key));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopWatching();
    this.#cancelRescan();
    await Promise.all([this.#scanning, ...[...this.#queues.values()].map((queue) => queue.stop())]);
  }

  #planRescan(): void {
    if (this.#isStopped) return;
    this.#cancelRescan = this.#timers.after(this.#rescanMs, () => {
      this.#scanning = this.#scanAll()
        .catch((error: unknown) => this.#log.error("rescan failed", { error }))
        .then(() => this.#planRescan());
    });
  }

  async #scanAll(): Promise<void> {
    for (const controller of this.#controllers) await this.#scan(controller);
  }

  async #scan({ kind, finalStatuses }: Controller): Promise<void> {
    let token: string | undefined;
    do {
      const query = { kind, statusNot: finalStatuses, limit: scanPage, ...(token !== undefined && { token }) };
      const page = await this.#store.list(query);
      for (const record of page.records) this.#queues.get(kind)?.offer(encodeKey(record));
      token = page.next;
    } while (token !== undefined && !this.#isStopped);
  }

  /** Takes one step with the record as it is now. Never rejects. */
  async #step(controller: Controller, encoded: string): Promise<Next> {
    const key = decodeKey(controller.kind, encoded);
    let version = 0;
    try {
      const record = await this.#store.get(key);
      if (!record) return this.#forget(encoded);
      version = record.version;
      if (this.#terminal.get(encoded) === version) return { kind: "forget" };
      this.#terminal.delete(encoded);
      // A controller is made for the values of its kind; here they are all just values.
      const outcome = await controller.reconcile(record as never);
      this.#failures.delete(encoded);
      return outcome.again ? { kind: "again", afterMs: outcome.afterMs } : { kind: "forget" };
    } catch (error) {
      return this.#failed(encoded, key, version, error);
    }
  }

  #failed(encoded: string, key: RecordKey, version: number, error: unknown): Next {
    const where = { kind: key.kind, name: key.name, account: key.account, region: key.region };
    if (error instanceof TerminalError) {
      this.#failures.delete(encoded);
      this.#terminal.set(encoded, version);
      this.#log.error("reconcile gave up until the record changes", { ...where, error });
      return { kind: "forget" };
    }
    const failures = (this.#failures.get(encoded) ?? 0) + 1;
    this.#failures.set(encoded, failures);
    const afterMs = backoffMs(failures, this.#random());
    this.#log.warn("reconcile failed and will be tried again", { ...where, failures, afterMs, error });
    return { kind: "backoff", afterMs };
  }

  #forget(encoded: string): Next {
    this.#failures.delete(encoded);
    this.#terminal.delete(encoded);
    return { kind: "forget" };
  }
}

function encodeKey({ account, region, kind, name }: RecordKey): string {
  return `${kind}\0${account}\0${region}\0${name}`;
}

function decodeKey(kind: string, encoded: string): RecordKey {
  const [, account = "", region = "", name = ""] = encoded.split("\0");
  return { account, region, kind, name };
}
