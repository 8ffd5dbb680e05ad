import type { Blas, Factor, Matrix, Scale } from "./blas.ts";
import { productShape, strideOf, transposed } from "./shapes.ts";

/** Twin of products.as.ts in plain TypeScript, and its stand-in where the kernel was not built. */
export class PlainBlas implements Blas {
  readonly name = "plain JavaScript, 1 thread";
  readonly isNative = false;
  readonly threads = 1;

  floats(count: number): Float32Array {
    return new Float32Array(count);
  }

  gemm(a: Factor, b: Factor, c: Matrix, scale?: Scale): void {
    this.#multiply(a, b, c, scale, false);
  }

  syrk(a: Factor, c: Matrix, scale?: Scale): void {
    this.#multiply(a, transposed(a), c, scale, true);
  }

  async close(): Promise<void> {}

  #multiply(a: Factor, b: Factor, c: Matrix, { alpha = 1, beta = 0 }: Scale = {}, isUpper: boolean): void {
    const { m, n, k } = productShape(a, b, c);
    const ofA = reader(a);
    const ofB = reader(b);
    for (let i = 0; i < m; i++) {
      for (let j = isUpper ? i : 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) sum += ofA(i, p) * ofB(p, j);
        const at = i * strideOf(c) + j;
        c.values[at] = alpha * sum + (beta === 0 ? 0 : beta * (c.values[at] as number));
      }
    }
  }
}

function reader(factor: Factor): (row: number, column: number) => number {
  const { values, isTransposed } = factor;
  const stride = strideOf(factor);
  return isTransposed === true
    ? (row, column) => values[column * stride + row] as number
    : (row, column) => values[row * stride + column] as number;
}
