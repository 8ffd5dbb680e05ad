import type { Blas } from "../numerics/blas/blas.ts";
import { symmetricEigen } from "../numerics/eigen/symmetric-eigen.ts";
import { dot, orthonormalize } from "../numerics/eigen/vectors.ts";
import { type RandomStream, randomStream } from "../numerics/random.ts";
import { beyondPrecision, type Components, type RowSums } from "./components.ts";
import type { RowArea } from "./row-area.ts";

/** The service has no hyperparameter for it: equal jobs give equal models. */
const seed = 0x70636173;

/**
 * A random sketch of rows: randomized mode. Every row is added to, or taken from, each of `size` vectors as the toss of a
 * coin says: `B = sum h x^T` with h of random signs. Its right singular vectors are nearly those of the rows.
 */
export class Sketch implements RowSums {
  readonly size: number;
  readonly #blas: Blas;
  readonly #area: RowArea;
  readonly #random: RandomStream;
  /** Shape (capacity, size + 1): signs, then a one. */
  readonly #signs: Float32Array;
  readonly #product: Float32Array;
  /** Shape (width + 1, size + 1): `B^T`, with the sums of rows and of signs beside it. */
  readonly #sums: Float64Array;
  #squares = 0;

  /** @param size - Vectors of the sketch. */
  constructor(blas: Blas, area: RowArea, size: number) {
    this.size = size;
    this.#blas = blas;
    this.#area = area;
    this.#random = randomStream(seed);
    this.#signs = blas.floats(area.capacity * (size + 1)).fill(1);
    this.#product = blas.floats(area.stride * (size + 1));
    this.#sums = new Float64Array(area.stride * (size + 1));
  }

  add(rows: number, squares: number): void {
    const { values, stride } = this.#area;
    const columns = this.size + 1;
    this.#draw(rows);
    const product = { values: this.#product, rows: stride, columns };
    this.#blas.gemm(
      { values, rows, columns: stride, isTransposed: true },
      { values: this.#signs, rows, columns },
      product,
    );
    for (let i = 0; i < this.#sums.length; i++) {
      this.#sums[i] = (this.#sums[i] as number) + (this.#product[i] as number);
    }
    this.#squares += squares;
  }

  featureSums(): Float64Array {
    const { width } = this.#area;
    const { size } = this;
    return Float64Array.from({ length: width }, (_, j) => this.#sums[j * (size + 1) + size] as number);
  }

  components(place: Float64Array, rows: number): Components {
    const { width } = this.#area;
    const { size } = this;
    const sketch = new Float64Array(size * width);
    for (let c = 0; c < size; c++) {
      const signs = this.#sums[width * (size + 1) + c] as number;
      for (let j = 0; j < width; j++) {
        const value = (this.#sums[j * (size + 1) + c] as number) - (place[j] as number) * signs;
        // The expected square of the sketch is then that of the rows.
        sketch[c * width + j] = value / Math.sqrt(size);
      }
    }
    const sums = this.featureSums();
    const total = this.#squares - 2 * dot(sums, place) + rows * dot(place, place);
    if (!Number.isFinite(total) || !sketch.every(Number.isFinite)) throw beyondPrecision();
    return { ...rightSingular(sketch, size, width, this.#random), total };
  }

  /** 32 signs of each number. */
  #draw(rows: number): void {
    const { size } = this;
    for (let i = 0; i < rows; i++) {
      const at = i * (size + 1);
      let bits = 0;
      for (let c = 0; c < size; c++) {
        if (c % 32 === 0) bits = Math.floor(this.#random.uniform() * 2 ** 32);
        this.#signs[at + c] = 1 - 2 * ((bits >>> (c % 32)) & 1);
      }
    }
  }
}

/** Squared singular values and right singular vectors of a matrix of few long rows, the largest first. */
export function rightSingular(
  matrix: Float64Array,
  size: number,
  width: number,
  random: RandomStream,
): Omit<Components, "total"> {
  const row = (i: number) => matrix.subarray(i * width, (i + 1) * width);
  const core = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const value = dot(row(i), row(j));
      core[i * size + j] = value;
      core[j * size + i] = value;
    }
  }
  const { values, vectors } = symmetricEigen(core, size);
  const right = new Float64Array(size * width);
  for (let c = 0; c < size; c++) {
    for (let i = 0; i < size; i++) {
      const factor = vectors[c * size + i] as number;
      for (let j = 0; j < width; j++) {
        right[c * width + j] = (right[c * width + j] as number) + factor * (matrix[i * width + j] as number);
      }
    }
  }
  orthonormalize(right, size, width, () => random.normal());
  return { values, vectors: right };
}
