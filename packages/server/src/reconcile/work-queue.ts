import type { Timers } from "./timers.ts";

/** What the worker of a key wants next. */
export type Next =
  | { readonly kind: "forget" }
  | { readonly kind: "again"; readonly afterMs: number }
  /** After a failure: changes that the failed step made itself do not cut the wait short. */
  | { readonly kind: "backoff"; readonly afterMs: number };

type State =
  | { readonly at: "queued" }
  | { readonly at: "running"; isWoken: boolean }
  | { readonly at: "waiting"; readonly isBackoff: boolean; readonly cancel: () => void };

/**
 * Works on keys: each at most once at a time, each waiting at most once, `concurrency` of them together, first come
 * first served. A key that is woken while it is worked on is worked on again. Holds one entry per unfinished key.
 */
export class WorkQueue {
  readonly #states = new Map<string, State>();
  #ready: string[] = [];
  #running = 0;
  #isStopped = false;
  #whenIdle: (() => void) | undefined;
  readonly #concurrency: number;
  readonly #timers: Timers;
  readonly #work: (key: string) => Promise<Next>;

  /** @param work - Must not reject: a failure is a `backoff`. */
  constructor(concurrency: number, timers: Timers, work: (key: string) => Promise<Next>) {
    this.#concurrency = concurrency;
    this.#timers = timers;
    this.#work = work;
  }

  /** Something may have changed: look at the key soon, even if it was to wait. */
  wake(key: string): void {
    this.#add(key, true);
  }

  /** A rescan found the key: look at it unless it waits after a failure. */
  offer(key: string): void {
    this.#add(key, false);
  }

  /** Starts no more work; resolves when the work under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const state of this.#states.values()) if (state.at === "waiting") state.cancel();
    this.#ready = [];
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
  }

  #add(key: string, isUrgent: boolean): void {
    if (this.#isStopped) return;
    const state = this.#states.get(key);
    switch (state?.at) {
      case "queued":
        return;
      case "running":
        state.isWoken = true;
        return;
      case "waiting":
        if (state.isBackoff && !isUrgent) return;
        state.cancel();
        break;
      case undefined:
        break;
    }
    this.#enqueue(key);
  }

  #enqueue(key: string): void {
    this.#states.set(key, { at: "queued" });
    this.#ready.push(key);
    this.#pump();
  }

  #pump(): void {
    while (this.#running < this.#concurrency && !this.#isStopped) {
      const key = this.#ready.shift();
      if (key === undefined) return;
      this.#running++;
      void this.#run(key);
    }
  }

  async #run(key: string): Promise<void> {
    const state: State = { at: "running", isWoken: false };
    this.#states.set(key, state);
    const next = await this.#work(key);
    this.#running--;
    if (this.#isStopped) {
      if (this.#running === 0) this.#whenIdle?.();
      return;
    }
    if (state.isWoken && next.kind !== "backoff") this.#enqueue(key);
    else if (next.kind === "forget") this.#states.delete(key);
    else this.#wait(key, next);
    this.#pump();
  }

  #wait(key: string, { kind, afterMs }: Exclude<Next, { kind: "forget" }>): void {
    const cancel = this.#timers.after(afterMs, () => this.#enqueue(key));
    this.#states.set(key, { at: "waiting", isBackoff: kind === "backoff", cancel });
  }
}
