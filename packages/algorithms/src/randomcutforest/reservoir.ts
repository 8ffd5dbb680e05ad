import type { Rows } from "../formats/rows.ts";
import type { RandomStream } from "../numerics/random.ts";
import { putRow } from "./put-row.ts";

/**
 * A uniform sample without replacement of the rows that went by, all of them as long as they fit.
 * @see Li (1994), Reservoir-sampling algorithms of time complexity O(n(1 + log(N/n))), ACM Trans. Math. Softw. 20(4):
 * algorithm L, which draws how many rows to pass over instead of something for each row.
 */
export class Reservoir {
  readonly #points: Float32Array;
  readonly #stride: number;
  readonly #capacity: number;
  readonly #random: RandomStream;
  #seen = 0;
  #weight = 1;
  /** The next row to take once all places are taken. */
  #next = 0;

  /** @param points - Shape (capacity, stride), zeroed: where rows go. */
  constructor(points: Float32Array, stride: number, random: RandomStream) {
    this.#points = points;
    this.#stride = stride;
    this.#capacity = points.length / stride;
    this.#random = random;
    this.#next = this.#capacity - 1;
    this.#skip();
  }

  /** Rows that went by. */
  get seen(): number {
    return this.#seen;
  }

  /** Rows that the sample has. */
  get count(): number {
    return Math.min(this.#seen, this.#capacity);
  }

  /** Offers rows, which come one after the other. */
  add(rows: Rows): void {
    const first = this.#seen;
    const end = first + rows.count;
    for (let i = first; i < Math.min(end, this.#capacity); i++) putRow(rows, i - first, this.#points, i * this.#stride);
    for (; this.#next < end; this.#skip()) {
      const place = Math.floor(this.#random.uniform() * this.#capacity);
      putRow(rows, this.#next - first, this.#points, place * this.#stride);
    }
    this.#seen = end;
  }

  #skip(): void {
    // 1 - uniform is never 0, whose logarithm would end the sampling.
    this.#weight *= Math.exp(Math.log(1 - this.#random.uniform()) / this.#capacity);
    const skipped = Math.floor(Math.log(1 - this.#random.uniform()) / Math.log1p(-this.#weight));
    this.#next += skipped + 1;
  }
}
