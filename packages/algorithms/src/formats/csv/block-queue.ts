/** Fields of the shared control array; rows per block follow. */
const next = { toCount: 0, toRead: 1 } as const;
const done = { counted: 2, read: 3 } as const;
const firstFault = 4;
const rowsAt = 5;

/**
 * Hands out blocks to threads: first every block to be counted, then, once all are, every block to be read. It is a
 * view of shared memory, so every thread makes its own.
 */
export class BlockQueue {
  readonly shared: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #blocks: number;

  private constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.#control = new Int32Array(shared);
    this.#blocks = this.#control.length - rowsAt;
  }

  static of(blocks: number): BlockQueue {
    const queue = new BlockQueue(new SharedArrayBuffer((rowsAt + blocks) * 4));
    queue.#control[firstFault] = blocks;
    return queue;
  }

  static over(shared: SharedArrayBuffer): BlockQueue {
    return new BlockQueue(shared);
  }

  /** @returns A block to count, or undefined when all are handed out. */
  takeToCount(): number | undefined {
    return this.#take(next.toCount);
  }

  /** @returns A block to read, or undefined when all are handed out. */
  takeToRead(): number | undefined {
    return this.#take(next.toRead);
  }

  counted(block: number, rows: number): void {
    this.#control[rowsAt + block] = rows;
    this.#finish(done.counted);
  }

  rows(block: number): number {
    return this.#control[rowsAt + block] ?? 0;
  }

  /** @param isFaulty - The earliest faulty block is kept, whatever the order in which threads come upon them. */
  read(block: number, isFaulty: boolean): void {
    if (isFaulty) {
      for (let seen = this.firstFault; block < seen; seen = this.firstFault) {
        Atomics.compareExchange(this.#control, firstFault, seen, block);
      }
    }
    this.#finish(done.read);
  }

  /** The earliest block known to be faulty, or the number of blocks. Blocks after it need no reading. */
  get firstFault(): number {
    return Atomics.load(this.#control, firstFault);
  }

  async allCounted(): Promise<void> {
    await this.#all(done.counted);
  }

  async allRead(): Promise<void> {
    await this.#all(done.read);
  }

  #take(counter: number): number | undefined {
    const block = Atomics.add(this.#control, counter, 1);
    return block < this.#blocks ? block : undefined;
  }

  #finish(counter: number): void {
    if (Atomics.add(this.#control, counter, 1) + 1 === this.#blocks) Atomics.notify(this.#control, counter);
  }

  async #all(counter: number): Promise<void> {
    for (;;) {
      const seen = Atomics.load(this.#control, counter);
      if (seen === this.#blocks) return;
      // The timeout mends the gap between the load above and the wait.
      await Atomics.waitAsync(this.#control, counter, seen, 20).value;
    }
  }
}
