import type { KernelPool, PoolExports } from "../kernel-pool.ts";
import type { Blas, Factor, Matrix, Scale } from "./blas.ts";
import { multiplyCommand, packedBytes, parameter, parameterCount, scalePosition } from "./kernels/layout.ts";
import { productShape, strideOf, transposed } from "./shapes.ts";

/** Products by the WASM kernel on all threads of a pool, in the pool's memory. */
export class WasmBlas implements Blas {
  readonly name: string;
  readonly isNative = false;
  readonly threads: number;
  readonly #pool: KernelPool<PoolExports>;
  readonly #address: number;
  readonly #parameters: Int32Array;
  readonly #scales: Float32Array;
  /** The pool's memory, which is another object each time that it grows. */
  readonly #given = new WeakSet<ArrayBufferLike>();

  constructor(pool: KernelPool<PoolExports>) {
    this.#pool = pool;
    this.threads = pool.threads;
    this.name = `WebAssembly, ${pool.threads} ${pool.threads === 1 ? "thread" : "threads"}`;
    this.#address = pool.allocate(parameterCount * 4);
    this.#parameters = pool.integers(this.#address, parameterCount);
    this.#scales = pool.floats(this.#address, parameterCount);
    this.#set({
      packedB: pool.allocate(packedBytes.b),
      packedA: pool.allocate(pool.threads * packedBytes.aOfThread),
    });
  }

  floats(count: number): Float32Array {
    const values = this.#pool.floats(this.#pool.allocate(count * 4), count);
    this.#given.add(values.buffer);
    return values;
  }

  gemm(a: Factor, b: Factor, c: Matrix, scale?: Scale): void {
    this.#multiply(a, b, c, scale, false);
  }

  syrk(a: Factor, c: Matrix, scale?: Scale): void {
    this.#multiply(a, transposed(a), c, scale, true);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  #multiply(a: Factor, b: Factor, c: Matrix, { alpha = 1, beta = 0 }: Scale = {}, isUpper: boolean): void {
    const { m, n, k } = productShape(a, b, c);
    const [aRow, aColumn] = distances(a);
    const [bRow, bColumn] = distances(b);
    this.#set({
      a: this.#place(a),
      b: this.#place(b),
      c: this.#place(c),
      ...{ m, n, k, aRow, aColumn, bRow, bColumn },
      cRow: strideOf(c) * 4,
      isUpper: isUpper ? 1 : 0,
    });
    this.#scales[scalePosition.alpha] = alpha;
    this.#scales[scalePosition.beta] = beta;
    this.#pool.command(multiplyCommand, this.#address);
  }

  #place({ values }: Matrix): number {
    if (values.length > 0 && !this.#given.has(values.buffer)) {
      throw new RangeError("the matrix is not in memory that this BLAS gave");
    }
    return values.byteOffset;
  }

  #set(values: Partial<Record<keyof typeof parameter, number>>): void {
    for (const [name, value] of Object.entries(values)) {
      this.#parameters[parameter[name as keyof typeof parameter]] = value;
    }
  }
}

/** Bytes from a row of a factor to the next, and from a column to the next. */
function distances(factor: Factor): readonly [number, number] {
  const along = strideOf(factor) * 4;
  return factor.isTransposed === true ? [4, along] : [along, 4];
}
