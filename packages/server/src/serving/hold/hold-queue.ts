import { systemTimers, type Timers } from "../../reconcile/timers.ts";

/** What bounds a queue: held requests cost their bodies' memory and their callers' patience. */
export interface HoldLimits {
  /** Requests that wait for one thing at once. */
  readonly heldPerKey: number;
  /** Bytes of all bodies that wait, whatever for. */
  readonly heldBytes: number;
  /** Longest wait, in milliseconds. */
  readonly waitMs: number;
}

/** SDKs give up after a minute, as a model's answer would have to be there by then. */
export const defaultHoldLimits: HoldLimits = { heldPerKey: 1_000, heldBytes: 256 * 1024 ** 2, waitMs: 60_000 };

/** Why a request does not wait, or waits no longer. */
export type HoldEnd = "full" | "late" | "left" | "closed";

/** A request was not given what it waited for. */
export class HoldRefused extends Error {
  override readonly name = "HoldRefused";
  /** `full`: no room to wait; `late`: waited as long as it may; `left`: its caller hung up; `closed`: the server stops. */
  readonly reason: HoldEnd;

  constructor(reason: HoldEnd) {
    super(`a held request ended: ${reason}`);
    this.reason = reason;
  }
}

/** A request that is to wait. */
export interface Held<Found> {
  /** What it waits for. Requests of one key wait for the same thing, and are served in the order in which they came. */
  readonly key: string;
  /** Size of its body. */
  readonly bytes: number;
  /** Takes what it waits for; `undefined` while there is none. What it throws ends the wait. */
  readonly find: () => Found | undefined;
  /** Its caller hung up. */
  readonly signal?: AbortSignal | undefined;
  /** Instead of the queue's own. */
  readonly waitMs?: number;
}

/** One that waits: `attempt` says whether it need wait no longer. */
interface Waiter {
  attempt(): boolean;
  end(reason: HoldEnd): void;
}

/**
 * Holds requests until what they need is there: an instance that comes up, a slot that becomes free. Whoever provides
 * such a thing calls `retry`; nothing here polls. Bounded in number, bytes and time; in memory only, as its callers'
 * connections are.
 */
export class HoldQueue {
  readonly #limits: HoldLimits;
  readonly #timers: Timers;
  readonly #waiting = new Map<string, Set<Waiter>>();
  #bytes = 0;

  constructor(limits: HoldLimits = defaultHoldLimits, timers: Timers = systemTimers) {
    this.#limits = limits;
    this.#timers = timers;
  }

  /**
   * Waits for what `find` takes. It is looked for at once, unless others wait for it already.
   * @throws HoldRefused when it did not come, and whatever `find` throws.
   */
  hold<Found>(held: Held<Found>): Promise<Found> {
    const { key, bytes, find, signal } = held;
    return new Promise<Found>((resolve, reject) => {
      if (signal?.aborted) return reject(new HoldRefused("left"));
      const queue = this.#waiting.get(key) ?? new Set<Waiter>();
      if (queue.size >= this.#limits.heldPerKey || this.#bytes + bytes > this.#limits.heldBytes) {
        return reject(new HoldRefused("full"));
      }
      const leave = (): void => {
        queue.delete(waiter);
        if (queue.size === 0 && this.#waiting.get(key) === queue) this.#waiting.delete(key);
        this.#bytes -= bytes;
        cancel();
        signal?.removeEventListener("abort", hungUp);
      };
      const waiter: Waiter = {
        attempt() {
          try {
            const found = find();
            if (found === undefined) return false;
            leave();
            resolve(found);
          } catch (error) {
            leave();
            reject(error as Error);
          }
          return true;
        },
        end(reason) {
          leave();
          reject(new HoldRefused(reason));
        },
      };
      const hungUp = (): void => waiter.end("left");
      const cancel = this.#timers.after(held.waitMs ?? this.#limits.waitMs, () => waiter.end("late"));
      signal?.addEventListener("abort", hungUp, { once: true });
      this.#bytes += bytes;
      queue.add(waiter);
      this.#waiting.set(key, queue);
      if (queue.size === 1) waiter.attempt();
    });
  }

  /** Something may be there now: those who wait try in turn, until one finds nothing. */
  retry(key: string): void {
    for (const waiter of this.#waiting.get(key) ?? []) if (!waiter.attempt()) return;
  }

  /** How many wait. */
  count(key: string): number {
    return this.#waiting.get(key)?.size ?? 0;
  }

  /** Ends every wait. */
  close(): void {
    for (const queue of this.#waiting.values()) for (const waiter of queue) waiter.end("closed");
  }
}
