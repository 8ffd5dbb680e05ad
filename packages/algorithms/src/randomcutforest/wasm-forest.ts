import type { KernelPool, PoolExports } from "../numerics/kernel-pool.ts";
import { type Forest, type ForestSize, type ScoreArea, strideOf, type Trees } from "./forest.ts";
import { commands, node, parameter, parameterCount, treeBytes } from "./kernels/layout.ts";
import { logarithms } from "./logarithms.ts";

/** A forest in the memory of the WASM kernel, on all threads of a pool. */
export class WasmForest implements Forest {
  readonly stride: number;
  readonly #pool: KernelPool<PoolExports>;
  readonly #address: number;
  readonly #parameters: Int32Array;
  readonly #places = new WeakMap<ScoreArea, { readonly x: number; readonly scores: number }>();

  constructor(pool: KernelPool<PoolExports>, width: number) {
    this.#pool = pool;
    this.stride = strideOf(width);
    this.#address = pool.allocate(parameterCount * 4);
    this.#parameters = pool.integers(this.#address, parameterCount);
    this.#set({ stride: this.stride, tree: pool.allocate(pool.threads * treeBytes) });
  }

  points(count: number): Float32Array {
    const points = this.#pool.allocate(count * this.stride * 4);
    this.#set({ points });
    return this.#pool.floats(points, count * this.stride);
  }

  plant({ trees, samples }: ForestSize): Trees {
    const pool = this.#pool;
    const nodeNumbers = trees * (2 * samples - 1) * node.size;
    const order = pool.allocate(trees * samples * 4);
    const nodes = pool.allocate(nodeNumbers * 4);
    const counts = pool.allocate(trees * 4);
    const boxes = pool.allocate(trees * (samples - 1) * this.stride * 8);
    const table = logarithms(samples);
    const at = pool.allocate(table.byteLength);
    pool.doubles(at, table.length).set(table);
    this.#set({ trees, samples, order, nodes, counts, boxes, logarithms: at });
    return {
      trees,
      samples,
      order: pool.integers(order, trees * samples),
      nodes: pool.integers(nodes, nodeNumbers),
      cuts: pool.floats(nodes, nodeNumbers),
      counts: pool.integers(counts, trees),
    };
  }

  grow(uniforms: Float64Array): void {
    const at = this.#pool.allocate(uniforms.byteLength);
    this.#pool.doubles(at, uniforms.length).set(uniforms);
    this.#set({ uniforms: at });
    this.#pool.command(commands.build, this.#address);
  }

  measure(): void {
    this.#pool.command(commands.measure, this.#address);
  }

  area(rows: number): ScoreArea {
    const x = this.#pool.allocate(rows * this.stride * 4);
    const scores = this.#pool.allocate(rows * 8);
    const area = { values: this.#pool.floats(x, rows * this.stride), scores: this.#pool.doubles(scores, rows) };
    this.#places.set(area, { x, scores });
    return area;
  }

  score(area: ScoreArea, rows: number): void {
    const places = this.#places.get(area);
    if (places === undefined) throw new Error("the area belongs to another forest");
    this.#set({ ...places, rows });
    this.#pool.command(commands.score, this.#address);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  #set(values: Partial<Record<keyof typeof parameter, number>>): void {
    for (const [name, value] of Object.entries(values)) {
      this.#parameters[parameter[name as keyof typeof parameter]] = value;
    }
  }
}
