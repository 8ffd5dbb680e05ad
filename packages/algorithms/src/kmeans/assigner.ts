import { KernelPool, type PoolExports } from "../numerics/kernel-pool.ts";
import { PlainAssigner } from "./plain-assigner.ts";
import { WasmAssigner } from "./wasm-assigner.ts";

/** Room for rows, and what was found of them. */
export interface RowArea {
  /** Shape (rows, stride), row-major; the columns from the width on stay zero. */
  readonly values: Float32Array;
  /** Index of the nearest centre of each row; of equals the lowest. */
  readonly labels: Int32Array;
  /** Squared distance to it. */
  readonly distances: Float32Array;
}

/** What the rows of each centre add up to. */
export interface CentreSums {
  /** Shape (centres, stride). */
  readonly sums: Float64Array;
  readonly counts: Float64Array;
  /** Summed squared distances. */
  readonly costs: Float64Array;
}

/** Finds nearest centres. One set of centres is in use at a time. */
export interface Assigner {
  /** Floats from one row to the next: the width, rounded up to a multiple of 4. */
  readonly stride: number;
  /** What `assignAndSum` adds to; for the caller to read and to clear. */
  readonly sums: CentreSums;
  /** Makes room, which lasts as long as the assigner. */
  area(rows: number): RowArea;
  /** @param centres - Shape (count, width), count up to what the assigner was opened for. */
  use(centres: Float64Array, count: number): void;
  /** Writes `labels` and `distances` of the first rows of an area. */
  assign(area: RowArea, rows: number): void;
  /** The same, and adds each row to the sums of its centre. */
  assignAndSum(area: RowArea, rows: number): void;
  close(): Promise<void>;
}

/** What an assigner is for. */
export interface AssignerSize {
  readonly width: number;
  /** Most centres at a time. */
  readonly centres: number;
}

/** Opens the WASM kernel on so many threads, or its twin in TypeScript where it was not built. */
export async function openAssigner(size: AssignerSize, threads: number): Promise<Assigner> {
  const pool = await KernelPool.open<PoolExports>("kmeans.wasm", threads);
  return pool === undefined ? new PlainAssigner(size) : new WasmAssigner(pool, size);
}

/** Sets sums back to nothing. */
export function clearSums({ sums, counts, costs }: CentreSums): void {
  for (const array of [sums, counts, costs]) array.fill(0);
}
