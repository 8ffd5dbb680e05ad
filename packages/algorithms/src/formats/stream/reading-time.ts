/** How long a job stood still until it had rows: what else it took is its own work. */
export class ReadingTime {
  #millis = 0;

  get millis(): number {
    return this.#millis;
  }

  /** Counts the time until some work is done as waiting for rows. */
  async during<T>(work: Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work;
    } finally {
      this.#millis += performance.now() - began;
    }
  }
}
