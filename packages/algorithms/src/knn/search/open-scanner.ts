import type { Blas } from "../../numerics/blas/blas.ts";
import { openNativeBlas } from "../../numerics/blas/native-blas.ts";
import { KernelPool, type PoolExports } from "../../numerics/kernel-pool.ts";
import { PlainScanner } from "./plain-scanner.ts";
import type { Scanner } from "./scanner.ts";
import { WasmScanner } from "./wasm-scanner.ts";

/** What was opened, and why it does without the library that was there. */
interface OpenedScanner {
  readonly scanner: Scanner;
  readonly refusal?: string;
}

/**
 * Opens the WASM kernel on so many threads, or its twin in TypeScript where it was not built.
 * @param library - Path of a shared library with CBLAS, for large products; what is found does not depend on it.
 */
export async function openScanner(threads: number, library?: string): Promise<OpenedScanner> {
  const pool = await KernelPool.open<PoolExports>("knn.wasm", threads);
  if (pool === undefined) return { scanner: new PlainScanner() };
  const { blas, refusal } = nativeBlas(threads, library);
  return { scanner: new WasmScanner(pool, { blas }), ...(refusal !== undefined && { refusal }) };
}

function nativeBlas(threads: number, library: string | undefined): { blas?: Blas; refusal?: string } {
  if (library === undefined) return {};
  try {
    return { blas: openNativeBlas(library, threads) };
  } catch (error) {
    return { refusal: `The BLAS ${library} is not used: ${(error as Error).message}` };
  }
}
