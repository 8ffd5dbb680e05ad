import { KernelPool, type PoolExports } from "../numerics/kernel-pool.ts";
import type { Forest } from "./forest.ts";
import { PlainForest } from "./plain-forest.ts";
import { WasmForest } from "./wasm-forest.ts";

/** Opens the WASM kernel on so many threads, or its twin in TypeScript where it was not built. */
export async function openForest(width: number, threads: number): Promise<Forest> {
  const pool = await KernelPool.open<PoolExports>("randomcutforest.wasm", threads);
  return pool === undefined ? new PlainForest(width) : new WasmForest(pool, width);
}
