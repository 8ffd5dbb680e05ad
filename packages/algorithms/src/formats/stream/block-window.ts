import type { BlockPlace } from "./block-plan.ts";

/** Fields of the shared control array. */
const field = { next: 0, limit: 1, isKeeping: 2, count: 3 } as const;
const numbersPerPlace = 4;

/**
 * The blocks that threads may read now, in shared memory: a window over the plan that moves on as rows are used, so that
 * readers never run far ahead of whoever uses the rows. Every thread makes a view of its own.
 */
export class BlockWindow {
  readonly shared: { readonly control: SharedArrayBuffer; readonly places: SharedArrayBuffer };
  readonly size: number;
  readonly #control: Int32Array;
  readonly #places: Float64Array;

  constructor(shared: BlockWindow["shared"]) {
    this.shared = shared;
    this.#control = new Int32Array(shared.control);
    this.#places = new Float64Array(shared.places);
    this.size = this.#places.length / numbersPerPlace;
  }

  /** @param size - How many blocks may be read and not yet used. */
  static of(size: number): BlockWindow {
    return new BlockWindow({
      control: new SharedArrayBuffer(field.count * 4),
      places: new SharedArrayBuffer(size * numbersPerPlace * 8),
    });
  }

  /** Blocks published so far. */
  get published(): number {
    return Atomics.load(this.#control, field.limit);
  }

  /** Lets threads read one block more; the one that had its place in the window must have been used. */
  publish({ file, begin, end, firstRecord }: BlockPlace): void {
    const block = this.published;
    this.#places.set([file, begin, end, firstRecord], (block % this.size) * numbersPerPlace);
    Atomics.store(this.#control, field.limit, block + 1);
    Atomics.notify(this.#control, field.limit);
  }

  /** @returns A block that no other thread has, or undefined when there is none to read now. */
  take(): number | undefined {
    for (;;) {
      const block = Atomics.load(this.#control, field.next);
      if (block >= this.published) return undefined;
      if (Atomics.compareExchange(this.#control, field.next, block, block + 1) === block) return block;
    }
  }

  /** Where a taken block is. */
  place(block: number): BlockPlace {
    const at = (block % this.size) * numbersPerPlace;
    const [file = 0, begin = 0, end = 0, firstRecord = 0] = this.#places.subarray(at, at + numbersPerPlace);
    return { file, begin, end, firstRecord };
  }

  /** Blocks the thread, which must not be the main one, until there may be more to take. */
  waitForMore(): void {
    const seen = this.published;
    if (Atomics.load(this.#control, field.next) < seen) return;
    Atomics.wait(this.#control, field.limit, seen);
  }

  /** Whether rows go into memory of their own, to be kept, instead of into a slot of the window. */
  get isKeeping(): boolean {
    return Atomics.load(this.#control, field.isKeeping) === 1;
  }

  set isKeeping(value: boolean) {
    Atomics.store(this.#control, field.isKeeping, value ? 1 : 0);
  }
}
