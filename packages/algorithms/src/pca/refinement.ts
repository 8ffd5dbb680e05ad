import type { Blas } from "../numerics/blas/blas.ts";
import { symmetricEigen } from "../numerics/eigen/symmetric-eigen.ts";
import { dot } from "../numerics/eigen/vectors.ts";
import { randomStream } from "../numerics/random.ts";
import { beyondPrecision, type Components } from "./components.ts";
import type { RowArea } from "./row-area.ts";
import { rightSingular } from "./sketch.ts";

/** Smaller eigenvalues of the core, over the largest, are what single precision made of nothing. */
const smallest = 1e-6;
const seed = 0x72656669;

/**
 * A second look at the rows, which turns the vectors of a sketch into components that are as good as those of the scatter
 * matrix A where its eigenvalues fall: `Z = A Q = sum x (x^T Q)`, and Nystroem's approximation `A ~ Z (Q^T Z)^-1 Z^T`.
 * @see Halko, Martinsson and Tropp (2011), Finding structure with randomness, SIAM Review 53(2), section 5.5.
 */
export class Refinement {
  readonly #blas: Blas;
  readonly #area: RowArea;
  readonly #size: number;
  readonly #basis: Float64Array;
  /** Q, shape (width, size). */
  readonly #q: Float32Array;
  readonly #projected: Float32Array;
  readonly #product: Float32Array;
  /** Z, shape (width, size). */
  readonly #z: Float64Array;
  readonly #total: number;

  /** @param components - Of the sketch, all of them. */
  constructor(blas: Blas, area: RowArea, { vectors, total }: Components) {
    const { width, capacity } = area;
    const size = vectors.length / width;
    this.#blas = blas;
    this.#area = area;
    this.#size = size;
    this.#basis = vectors;
    this.#total = total;
    this.#q = blas.floats(width * size);
    for (let c = 0; c < size; c++) {
      for (let j = 0; j < width; j++) this.#q[j * size + c] = vectors[c * width + j] as number;
    }
    this.#projected = blas.floats(capacity * size);
    this.#product = blas.floats(width * size);
    this.#z = new Float64Array(width * size);
  }

  /** Adds the first rows of the area, which are measured from their centre. */
  add(rows: number): void {
    const { values, width, stride } = this.#area;
    const x = { values, rows, columns: width, stride };
    const projected = { values: this.#projected, rows, columns: this.#size };
    this.#blas.gemm(x, { values: this.#q, rows: width, columns: this.#size }, projected);
    const product = { values: this.#product, rows: width, columns: this.#size };
    this.#blas.gemm({ ...x, isTransposed: true }, projected, product);
    for (let i = 0; i < this.#z.length; i++) this.#z[i] = (this.#z[i] as number) + (this.#product[i] as number);
  }

  /** @throws CustomerError when sums are beyond single precision. */
  components(): Components {
    const { width } = this.#area;
    const size = this.#size;
    if (!this.#z.every(Number.isFinite)) throw beyondPrecision();
    const z = new Float64Array(size * width);
    for (let c = 0; c < size; c++) {
      for (let j = 0; j < width; j++) z[c * width + j] = this.#z[j * size + c] as number;
    }
    const row = (matrix: Float64Array, i: number) => matrix.subarray(i * width, (i + 1) * width);
    const core = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const value = dot(row(this.#basis, i), row(z, j)) / 2;
        core[i * size + j] = (core[i * size + j] as number) + value;
        core[j * size + i] = (core[j * size + i] as number) + value;
      }
    }
    const { values, vectors } = symmetricEigen(core, size);
    // Rows of (Q^T Z)^(-1/2) Z^T, in the core's own coordinates: their product with themselves is the approximation.
    const factor = new Float64Array(size * width);
    for (let c = 0; c < size; c++) {
      const value = values[c] as number;
      if (value <= smallest * (values[0] as number)) continue;
      for (let i = 0; i < size; i++) {
        const weight = (vectors[c * size + i] as number) / Math.sqrt(value);
        for (let j = 0; j < width; j++) {
          factor[c * width + j] = (factor[c * width + j] as number) + weight * (z[i * width + j] as number);
        }
      }
    }
    return { ...rightSingular(factor, size, width, randomStream(seed)), total: this.#total };
  }
}
