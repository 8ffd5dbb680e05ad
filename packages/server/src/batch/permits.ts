/** A bounded number of things at once. First come, first served. */
export class Permits {
  readonly #count: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  /** Waits for one. To be given back with `release`. */
  async acquire(): Promise<void> {
    if (this.#taken < this.#count) {
      this.#taken += 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    const next = this.#waiting.shift();
    // It passes from hand to hand.
    if (next) next();
    else this.#taken -= 1;
  }
}
