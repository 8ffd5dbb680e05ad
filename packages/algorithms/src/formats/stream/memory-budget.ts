import { totalmem } from "node:os";

/** What a job may keep of the rows that it has read, so that they need not be read again. */
export class MemoryBudget {
  /** For beginnings of channels that are streamed. */
  #left: number;
  /** For whole tables, the beginnings included. */
  #leftForTables: number;

  constructor(bytes: number, forTables = bytes) {
    this.#left = bytes;
    this.#leftForTables = forTables;
  }

  /**
   * A quarter of what the run may use, or of half the machine where it has no limit; with tables that are whole a half. An
   * algorithm's own arrays, and the page cache that the rest is read from again, need the other part.
   */
  static ofRun(memoryBytes: number | undefined): MemoryBudget {
    const bytes = memoryBytes ?? totalmem() / 2;
    return new MemoryBudget(bytes / 4, bytes / 2);
  }

  get leftForTables(): number {
    return this.#leftForTables;
  }

  /** Takes room for a whole table, or for nothing of it: what comes after may still have what is left. */
  takeTable(bytes: number): boolean {
    if (bytes > this.#leftForTables) return false;
    this.#leftForTables -= bytes;
    this.#left = Math.min(this.#left, this.#leftForTables);
    return true;
  }

  /** @returns Whether there is room; it is taken if so. */
  take(bytes: number): boolean {
    if (bytes > this.#left) {
      this.#left = 0; // what is kept is a beginning without gaps
      return false;
    }
    this.#left -= bytes;
    this.#leftForTables -= bytes;
    return true;
  }
}
