import { totalmem } from "node:os";

/** What streams may keep of the rows that they have read, so that they need not be read again. */
export class MemoryBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /**
   * A quarter of what the run may use, or of half the machine where it has no limit: an algorithm's own arrays, and the
   * page cache that the rest is read from again, need the other part.
   */
  static ofRun(memoryBytes: number | undefined): MemoryBudget {
    return new MemoryBudget((memoryBytes ?? totalmem() / 2) / 4);
  }

  get left(): number {
    return this.#left;
  }

  /** Takes room for all of something, or for nothing of it: what comes after may still have what is left. */
  takeWhole(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** @returns Whether there is room; it is taken if so. */
  take(bytes: number): boolean {
    if (bytes > this.#left) {
      this.#left = 0; // what is kept is a beginning without gaps
      return false;
    }
    this.#left -= bytes;
    return true;
  }
}
