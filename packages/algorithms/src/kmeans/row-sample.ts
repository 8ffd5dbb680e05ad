import type { RandomStream } from "../numerics/random.ts";
import type { Assigner, RowArea } from "./assigner.ts";
import type { PlacedPoints } from "./lloyd.ts";

/** Most memory of a sample. */
const mostBytes = 128 * 1024 * 1024;
/** Rows for each cluster, so that sampling moves no centre by more than a thousandth of its cluster's variance. */
const rowsPerCluster = 1000;
const fewestRows = 20_000;

/**
 * A uniform sample of the rows that went by, all of them as long as they fit.
 * @see Vitter (1985), Random sampling with a reservoir, ACM Trans. Math. Softw. 11(1): algorithm R.
 */
export class RowSample {
  readonly #area: RowArea;
  readonly #capacity: number;
  readonly #width: number;
  readonly #stride: number;
  readonly #random: RandomStream;
  #seen = 0;

  constructor(assigner: Assigner, size: { readonly width: number; readonly k: number }, random: RandomStream) {
    const { width, k } = size;
    this.#stride = assigner.stride;
    this.#width = width;
    const wanted = Math.max(fewestRows, rowsPerCluster * k);
    this.#capacity = Math.max(k, Math.min(wanted, Math.floor(mostBytes / (4 * this.#stride))));
    this.#area = assigner.area(this.#capacity);
    this.#random = random;
  }

  /** Rows that went by. */
  get seen(): number {
    return this.#seen;
  }

  /** Whether the sample is all there was. */
  get isComplete(): boolean {
    return this.#seen <= this.#capacity;
  }

  /** Offers the first rows of an area. */
  add({ values }: RowArea, rows: number): void {
    for (let i = 0; i < rows; i++) {
      const seen = this.#seen++;
      const place = seen < this.#capacity ? seen : Math.floor(this.#random.uniform() * (seen + 1));
      if (place >= this.#capacity) continue;
      const from = i * this.#stride;
      const to = place * this.#stride;
      for (let j = 0; j < this.#width; j++) this.#area.values[to + j] = values[from + j] as number;
    }
  }

  /** What was sampled. */
  get points(): PlacedPoints {
    return {
      area: this.#area,
      values: this.#area.values,
      count: Math.min(this.#seen, this.#capacity),
      width: this.#width,
      stride: this.#stride,
    };
  }
}
