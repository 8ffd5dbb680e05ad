import { totalmem } from "node:os";

/** Bodies up to this size are not counted: connections bound them well enough, and counting them would cost every request. */
const freeBytes = 64 * 1024;

/**
 * What the bodies of requests may take of memory that are held whole, together: a thousand callers of a model that hangs, each with a
 * body of 25 MB, must not take all of it. One for each thread that serves requests.
 */
export class BodyBudget {
  limitBytes: number;
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @returns Whether there was room. */
  take(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.limitBytes) return false;
    this.#heldBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}

/** A quarter of the machine's memory, and at least room for ten of the largest bodies. */
export const bodyBudget = new BodyBudget(Math.max(256 * 1024 * 1024, totalmem() / 4));

/** What one body takes of a budget. */
export class BodyShare {
  readonly #budget: BodyBudget;
  #size = 0;
  #taken = 0;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  /** Something has been taken, to be given back. */
  get isCounted(): boolean {
    return this.#taken > 0;
  }

  /** Another part has come. @returns Whether there is room for it. */
  add(bytes: number): boolean {
    this.#size += bytes;
    if (this.#size <= freeBytes) return true;
    if (!this.#budget.take(this.#size - this.#taken)) return false;
    this.#taken = this.#size;
    return true;
  }

  /** The body is needed no more. */
  end(): void {
    this.#budget.give(this.#taken);
    this.#taken = 0;
  }
}
