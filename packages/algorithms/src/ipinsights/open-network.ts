import { KernelPool, type PoolExports } from "../numerics/kernel-pool.ts";
import type { Network, NetworkShape } from "./network.ts";
import { PlainNetwork } from "./plain-network.ts";
import { WasmNetwork } from "./wasm-network.ts";

/** Opens the WASM kernel on so many threads, or its twin in TypeScript where it was not built. */
export async function openNetwork(shape: NetworkShape, threads: number): Promise<Network> {
  const pool = await KernelPool.open<PoolExports>("ipinsights.wasm", threads);
  return pool === undefined ? new PlainNetwork(shape) : new WasmNetwork(pool, shape);
}
