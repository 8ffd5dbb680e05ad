import { KernelPool, type PoolExports } from "../kernel-pool.ts";
import { openNativeBlas } from "./native-blas.ts";
import { PlainBlas } from "./plain-blas.ts";
import { WasmBlas } from "./wasm-blas.ts";

/** A matrix of single precision, row-major. */
export interface Matrix {
  /** Begins at the first row; lies in memory that `Blas.floats` gave. */
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Floats from one row to the next; `columns` when absent. */
  readonly stride?: number;
}

/** A matrix as it goes into a product. */
export interface Factor extends Matrix {
  /** Set to take the transpose: shape (columns, rows) then. */
  readonly isTransposed?: boolean;
}

/** What products are multiplied by, and what stays of the matrix that they are added to. */
export interface Scale {
  /** 1 when absent. */
  readonly alpha?: number;
  /** 0 when absent: what was there, be it NaN, is overwritten. */
  readonly beta?: number;
}

/**
 * Products of large matrices: the two of the Basic Linear Algebra Subprograms that algorithms here need
 * (Dongarra et al. 1990, A set of level 3 BLAS, ACM Trans. Math. Softw. 16(1)). Calls return when the product is there.
 */
export interface Blas {
  /** For logs: `OpenBLAS 0.3.31 (Haswell), 2 threads`, or `WebAssembly, 2 threads`. */
  readonly name: string;
  readonly isNative: boolean;
  readonly threads: number;
  /** Makes zeroed memory for matrices, which lasts until `close`. @throws RangeError when 4 GB of WebAssembly are spent. */
  floats(count: number): Float32Array;
  /**
   * `c = alpha a b + beta c`. Parallel over rows of `c`: give the longer side as rows.
   * @throws RangeError when shapes do not fit or a matrix is larger than its memory.
   */
  gemm(a: Factor, b: Factor, c: Matrix, scale?: Scale): void;
  /** `c = alpha a a^T + beta c`, the diagonal and above; what is below stays as it was. */
  syrk(a: Factor, c: Matrix, scale?: Scale): void;
  close(): Promise<void>;
}

/**
 * Opens a native BLAS where there is one, or the WebAssembly kernel on so many threads. The kernel gives the same bits on any
 * number of threads; a native library may not.
 * @param library - Path of a shared library with CBLAS; undefined where none was found.
 */
export async function openBlas(threads: number, library: string | undefined): Promise<OpenedBlas> {
  let refusal: string | undefined;
  if (library !== undefined) {
    try {
      return { blas: openNativeBlas(library, threads) };
    } catch (error) {
      refusal = `The BLAS ${library} is not used: ${(error as Error).message}`;
    }
  }
  const pool = await KernelPool.open<PoolExports>("products.wasm", threads);
  return { blas: pool === undefined ? new PlainBlas() : new WasmBlas(pool), ...(refusal !== undefined && { refusal }) };
}

/** What was opened, and why it is not the library that was there. */
interface OpenedBlas {
  readonly blas: Blas;
  readonly refusal?: string;
}
