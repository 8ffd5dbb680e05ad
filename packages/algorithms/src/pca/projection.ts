import type { Rows } from "../formats/rows.ts";
import { stageRows } from "../formats/stream/stage-rows.ts";
import { type Blas, openBlas } from "../numerics/blas/blas.ts";
import type { PcaModel } from "./artifact.ts";

/** Most memory of the rows that are projected together. */
const sliceBytes = 4 * 1024 * 1024;
const mostRows = 1024;

/** Projects rows on components: `(x - mean) V`, the same numbers for a row alone as among others. */
export class Projection {
  readonly #blas: Blas;
  readonly #model: PcaModel;
  readonly #mean: Float64Array;
  readonly #capacity: number;
  readonly #rows: Float32Array;
  readonly #components: Float32Array;
  readonly #projected: Float32Array;

  constructor(blas: Blas, model: PcaModel) {
    const { width, count, v, mean } = model;
    this.#blas = blas;
    this.#model = model;
    this.#mean = mean === undefined ? new Float64Array(width) : Float64Array.from(mean);
    this.#capacity = Math.max(1, Math.min(mostRows, Math.floor(sliceBytes / (4 * width))));
    this.#rows = blas.floats(this.#capacity * width);
    this.#projected = blas.floats(this.#capacity * count);
    this.#components = blas.floats(v.length);
    this.#components.set(v);
  }

  /** @param onSlice - Told the sum of squares of rows, less the mean. @returns Shape (rows, count), row-major. */
  project(rows: Rows, onSlice?: (squares: number) => void): Float32Array {
    const { width, count } = this.#model;
    const result = new Float32Array(rows.count * count);
    const components = { values: this.#components, rows: width, columns: count };
    for (let first = 0; first < rows.count; first += this.#capacity) {
      const size = Math.min(this.#capacity, rows.count - first);
      const target = { values: this.#rows, stride: width, at: 0 };
      const squares = stageRows(rows, { first, count: size }, target, this.#mean);
      onSlice?.(squares);
      const projected = { values: this.#projected, rows: size, columns: count };
      this.#blas.gemm({ values: this.#rows, rows: size, columns: width }, components, projected);
      result.set(this.#projected.subarray(0, size * count), first * count);
    }
    return result;
  }

  async close(): Promise<void> {
    await this.#blas.close();
  }
}

/** Opens a model's projection on the kernel of our own, whose numbers do not depend on how many rows there are. */
export async function openProjection(model: PcaModel, threads: number): Promise<Projection> {
  const { blas } = await openBlas(threads, undefined);
  return new Projection(blas, model);
}
