import type { BridgeNetwork } from "../engine.ts";

/** The spare network's name: none that a run's network can have. */
export const spareName = "_spare";
/** Who has its place until a run takes it. */
export const sparePlace = "_spare";

/** What most jobs ask for: one host with a way out. */
export const spareNetwork: BridgeNetwork = { kind: "bridge", name: spareName, hosts: ["algo-1"], internet: true };

/** Whether the spare network can become this one. */
export function isLikeSpare({ hosts, internet, encrypted }: BridgeNetwork): boolean {
  return hosts.length === 1 && internet && !encrypted;
}

/** How long after a network was asked for the next is made: the run that asked has the processors first. */
const refillMs = 250;
/** How long a spare waits for a run before it is removed. */
const idleMs = 60_000;

/** What makes and removes a spare network. */
export interface SpareWork {
  /** @returns What the spare depends on: another text means that it is of no use any more. */
  make(): Promise<string>;
  drop(): Promise<void>;
}

/**
 * When a spare network is kept ready: from shortly after a run wanted one until none has for a minute. Making one takes
 * several programs and most of the time of a start, which so passes while nobody waits.
 */
export class Spare {
  readonly #work: SpareWork;
  #ready: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #busy: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(work: SpareWork) {
    this.#work = work;
  }

  /** A run wants a network like it: others will follow. */
  wanted(): void {
    this.#after(refillMs, () => this.#fill());
  }

  /** @returns What {@link SpareWork.make} told of the spare, which is the caller's from now on; `undefined` for none. */
  take(): string | undefined {
    const taken = this.#ready;
    this.#ready = undefined;
    return taken;
  }

  /** Removes the spare, and makes none any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#busy;
    if (this.take() !== undefined) await this.#work.drop().catch(() => undefined); // removed at the next start
  }

  async #fill(): Promise<void> {
    try {
      // What a failure leaves is removed with the next one, or at the next start.
      this.#ready ??= await this.#work.make();
    } catch {
      await this.#work.drop().catch(() => undefined); // whoever needs a network is told what is wrong
      return;
    }
    this.#after(idleMs, async () => {
      if (this.take() !== undefined) await this.#work.drop().catch(() => undefined); // as above
    });
  }

  #after(delayMs: number, work: () => Promise<void>): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#busy = this.#busy.then(work);
    }, delayMs).unref();
  }
}
