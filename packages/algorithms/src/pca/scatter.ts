import type { Blas } from "../numerics/blas/blas.ts";
import { largestEigen } from "../numerics/eigen/largest-eigen.ts";
import { beyondPrecision, type Components, type RowSums } from "./components.ts";
import type { RowArea } from "./row-area.ts";

/**
 * The scatter matrix of rows: regular mode. The column of ones makes one product sum up `x x^T`, `x` and their number. The
 * product of a mini-batch is in single precision, the sum of those in double.
 */
export class Scatter implements RowSums {
  readonly #blas: Blas;
  readonly #area: RowArea;
  readonly #count: number;
  readonly #product: Float32Array;
  /** Shape (width + 1, width + 1), the diagonal and above. */
  readonly #sums: Float64Array;

  /** @param count - Components that are wanted. */
  constructor(blas: Blas, area: RowArea, count: number) {
    this.#blas = blas;
    this.#area = area;
    this.#count = count;
    this.#product = blas.floats(area.stride ** 2);
    this.#sums = new Float64Array(area.stride ** 2);
  }

  add(rows: number): void {
    const { values, stride } = this.#area;
    const product = { values: this.#product, rows: stride, columns: stride };
    this.#blas.syrk({ values, rows, columns: stride, isTransposed: true }, product);
    for (let i = 0; i < stride; i++) {
      for (let at = i * stride + i, end = (i + 1) * stride; at < end; at++) {
        this.#sums[at] = (this.#sums[at] as number) + (this.#product[at] as number);
      }
    }
  }

  featureSums(): Float64Array {
    const { width, stride } = this.#area;
    return Float64Array.from({ length: width }, (_, j) => this.#sums[j * stride + width] as number);
  }

  components(place: Float64Array, rows: number): Components {
    const { width } = this.#area;
    const { matrix, total } = this.#about(place, rows);
    if (!Number.isFinite(total)) throw beyondPrecision();
    return { ...largestEigen(this.#blas, matrix, width, this.#count), total };
  }

  /** Sums of (x_i - p_i) (x_j - p_j), and of those with i = j. */
  #about(place: Float64Array, rows: number): { readonly matrix: Float64Array; readonly total: number } {
    const { width, stride } = this.#area;
    const sums = this.featureSums();
    const matrix = new Float64Array(width * width);
    let total = 0;
    for (let i = 0; i < width; i++) {
      const [sumI, placeI] = [sums[i] as number, place[i] as number];
      for (let j = i; j < width; j++) {
        const [sumJ, placeJ] = [sums[j] as number, place[j] as number];
        const about = placeI * sumJ + placeJ * sumI - rows * placeI * placeJ;
        const value = (this.#sums[i * stride + j] as number) - about;
        matrix[i * width + j] = value;
        matrix[j * width + i] = value;
      }
      total += matrix[i * width + i] as number;
    }
    return { matrix, total };
  }
}
