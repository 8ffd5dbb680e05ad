import type { KernelPool, PoolExports } from "../numerics/kernel-pool.ts";
import type { Assigner, AssignerSize, CentreSums, RowArea } from "./assigner.ts";
import { commands, parameter, parameterCount, scratchBytes } from "./kernels/layout.ts";

/** Centres that the kernel looks at together. */
const block = 8;

/** Finds nearest centres with the WASM kernel on all threads of a pool. */
export class WasmAssigner implements Assigner {
  readonly stride: number;
  readonly sums: CentreSums;
  readonly #pool: KernelPool<PoolExports>;
  readonly #width: number;
  readonly #address: number;
  readonly #parameters: Int32Array;
  readonly #packed: Float32Array;
  readonly #centres: Float32Array;
  /** Addresses of an area's arrays. */
  readonly #places = new WeakMap<
    RowArea,
    { readonly x: number; readonly labels: number; readonly distances: number }
  >();

  constructor(pool: KernelPool<PoolExports>, { width, centres }: AssignerSize) {
    this.#pool = pool;
    this.#width = width;
    this.stride = Math.ceil(width / 4) * 4;
    const blocks = Math.ceil(centres / block);
    const addresses = {
      packed: pool.allocate(blocks * block * (width + 1) * 4),
      centres: pool.allocate(centres * this.stride * 4),
      sums: pool.allocate(centres * this.stride * 8),
      counts: pool.allocate(centres * 8),
      costs: pool.allocate(centres * 8),
      scratch: pool.allocate(pool.threads * scratchBytes),
    };
    this.#address = pool.allocate(parameterCount * 4);
    this.#parameters = pool.integers(this.#address, parameterCount);
    this.#set({ ...addresses, width, stride: this.stride });
    this.#packed = pool.floats(addresses.packed, blocks * block * (width + 1));
    this.#centres = pool.floats(addresses.centres, centres * this.stride);
    this.sums = {
      sums: pool.doubles(addresses.sums, centres * this.stride),
      counts: pool.doubles(addresses.counts, centres),
      costs: pool.doubles(addresses.costs, centres),
    };
  }

  area(rows: number): RowArea {
    const x = this.#pool.allocate(rows * this.stride * 4);
    const labels = this.#pool.allocate(rows * 4);
    const distances = this.#pool.allocate(rows * 4);
    const area = {
      values: this.#pool.floats(x, rows * this.stride),
      labels: this.#pool.integers(labels, rows),
      distances: this.#pool.floats(distances, rows),
    };
    this.#places.set(area, { x, labels, distances });
    return area;
  }

  use(centres: Float64Array, count: number): void {
    const width = this.#width;
    this.#set({ count });
    for (let c = 0; c < count; c++) {
      const packed = Math.floor(c / block) * block * (width + 1) + (c % block);
      let sum = 0;
      for (let j = 0; j < width; j++) {
        const value = Math.fround(centres[c * width + j] as number);
        this.#centres[c * this.stride + j] = value;
        this.#packed[packed + (j + 1) * block] = value;
        sum += value * value;
      }
      this.#packed[packed] = -sum / 2;
    }
    for (let c = count; c % block !== 0; c++) {
      const packed = Math.floor(c / block) * block * (width + 1) + (c % block);
      this.#packed[packed] = Number.NEGATIVE_INFINITY;
      for (let j = 0; j < width; j++) this.#packed[packed + (j + 1) * block] = 0;
    }
  }

  assign(area: RowArea, rows: number): void {
    this.#run(commands.assign, area, rows);
  }

  assignAndSum(area: RowArea, rows: number): void {
    this.#run(commands.assignAndSum, area, rows);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  #run(kind: number, area: RowArea, rows: number): void {
    const places = this.#places.get(area);
    if (places === undefined) throw new Error("the area belongs to another assigner");
    this.#set({ ...places, rows });
    this.#pool.command(kind, this.#address);
  }

  #set(values: Partial<Record<keyof typeof parameter, number>>): void {
    for (const [name, value] of Object.entries(values)) {
      this.#parameters[parameter[name as keyof typeof parameter]] = value;
    }
  }
}
