import { KernelPool, type PoolExports } from "../../numerics/kernel-pool.ts";
import { PlainScanner } from "./plain-scanner.ts";
import type { Scanner } from "./scanner.ts";
import { WasmScanner } from "./wasm-scanner.ts";

/** Opens the WASM kernel on so many threads, or its twin in TypeScript where it was not built. */
export async function openScanner(threads: number): Promise<Scanner> {
  const pool = await KernelPool.open<PoolExports>("knn.wasm", threads);
  return pool === undefined ? new PlainScanner() : new WasmScanner(pool);
}
