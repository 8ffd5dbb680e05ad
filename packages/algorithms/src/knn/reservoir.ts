import type { Rows } from "../formats/rows.ts";
import type { RandomStream } from "../numerics/random.ts";
import { type RowMemory, RowStore } from "./index/row-store.ts";
import type { RowPreparer } from "./prepare-rows.ts";
import { strideOf } from "./search/stride.ts";

/**
 * A uniform sample of the rows that went by, with their labels, in the form of the index; all of them as long as they fit.
 * @see Vitter (1985), Random sampling with a reservoir, ACM Trans. Math. Softw. 11(1): algorithm R.
 */
export class Reservoir {
  readonly rows: RowStore;
  readonly #capacity: number;
  readonly #random: RandomStream;
  readonly #preparer: RowPreparer;
  readonly #stride: number;
  #labels = new Float32Array(1024);
  #seen = 0;
  /** Rows of a block that are taken, and where they go. */
  readonly #picks: number[] = [];
  readonly #places: number[] = [];
  #prepared = new Float32Array(0);

  constructor(memory: RowMemory, size: { readonly width: number; readonly capacity: number }, tools: ReservoirTools) {
    this.#stride = strideOf(size.width);
    this.#capacity = size.capacity;
    this.rows = new RowStore(memory, this.#stride * 4, size.capacity);
    this.#random = tools.random;
    this.#preparer = tools.preparer;
  }

  /** Rows that went by. */
  get seen(): number {
    return this.#seen;
  }

  /** Rows that are kept. */
  get count(): number {
    return Math.min(this.#seen, this.#capacity);
  }

  /** Labels of the rows that are kept. */
  get labels(): Float32Array {
    return this.#labels.subarray(0, this.count);
  }

  /** Offers rows, of which only those that are kept are prepared. */
  add(rows: Rows, labels: Float32Array): void {
    this.#picks.length = 0;
    this.#places.length = 0;
    for (let i = this.#fill(rows, labels); i < rows.count; i++) {
      const seen = this.#seen++;
      const place = Math.floor(this.#random.uniform() * (seen + 1));
      if (place >= this.#capacity) continue;
      this.#picks.push(i);
      this.#places.push(place);
    }
    if (this.#picks.length === 0) return;
    const needed = this.#picks.length * this.#stride;
    if (this.#prepared.length < needed) this.#prepared = new Float32Array(needed);
    this.#preparer.prepare(rows, { count: this.#picks.length, at: this.#picks }, this.#prepared);
    for (const [i, place] of this.#places.entries()) {
      const row = this.#prepared.subarray(i * this.#stride, (i + 1) * this.#stride);
      this.rows.blockOf(place).floats.set(row, this.rows.placeOf(place) * this.#stride);
      this.#labels[place] = labels[this.#picks[i] as number] as number;
    }
  }

  /** Keeps all rows as long as there is room, straight in their place. @returns How many. */
  #fill(rows: Rows, labels: Float32Array): number {
    const begin = this.#seen;
    const count = Math.max(0, Math.min(rows.count, this.#capacity - begin));
    if (count === 0) return 0;
    this.#seen += count;
    this.rows.grow(this.#seen);
    this.#growLabels(this.#seen);
    this.#labels.set(labels.subarray(0, count), begin);
    let first = 0;
    for (const run of this.rows.runs(begin, count)) {
      const target = run.block.floats.subarray(run.first * this.#stride, (run.first + run.count) * this.#stride);
      this.#preparer.prepare(rows, { first, count: run.count }, target);
      first += run.count;
    }
    return count;
  }

  #growLabels(count: number): void {
    if (count <= this.#labels.length) return;
    const larger = new Float32Array(Math.max(count, 2 * this.#labels.length));
    larger.set(this.#labels);
    this.#labels = larger;
  }
}

interface ReservoirTools {
  readonly random: RandomStream;
  readonly preparer: RowPreparer;
}
