import type { KernelPool, PoolExports } from "../numerics/kernel-pool.ts";
import { commands, parameter, parameterCount } from "./kernels/layout.ts";
import {
  type Batch,
  type BatchSize,
  mostEncodings,
  type Network,
  type NetworkShape,
  type Step,
  strideOf,
  weightRows,
} from "./network.ts";
import { correctionsOf } from "./optimizer.ts";

/** A network in the memory of the WASM kernel, on all threads of a pool. */
export class WasmNetwork implements Network {
  readonly stride: number;
  readonly weights: Float32Array;
  readonly batch: Batch;
  readonly #pool: KernelPool<PoolExports>;
  readonly #layers: number;
  readonly #address: number;
  readonly #hidden: number;
  readonly #integers: Int32Array;
  readonly #floats: Float32Array;
  /** Addresses that were scored last. */
  #scored = 0;

  constructor(pool: KernelPool<PoolExports>, shape: NetworkShape) {
    const { vectorDim, layers, randoms, shuffles, rows } = shape;
    const stride = strideOf(vectorDim);
    const encodings = mostEncodings(shape);
    const weightBytes = weightRows(layers, stride) * stride * 4;
    this.#pool = pool;
    this.#layers = layers;
    this.stride = stride;
    this.#address = pool.allocate(parameterCount * 4);
    this.#integers = pool.integers(this.#address, parameterCount);
    this.#floats = pool.floats(this.#address, parameterCount);
    const at = {
      table: pool.allocate(rows * 3 * stride * 4),
      entityOf: pool.allocate(rows * 4),
      groups: pool.allocate((rows + 1) * 4),
      groupRows: pool.allocate(rows * 4),
      addresses: pool.allocate(encodings * 4),
      offsets: pool.allocate(Math.max(1, shuffles) * 4),
      octets: pool.allocate(1024 * stride * 4),
      octetGradients: pool.allocate(1024 * stride * 4),
      hidden: pool.allocate((layers + 1) * encodings * stride * 4),
      deltas: pool.allocate(2 * encodings * stride * 4),
      slopes: pool.allocate(rows * (1 + randoms + shuffles) * 4),
      losses: pool.allocate(rows * 8),
      hits: pool.allocate(rows * 4),
      weights: pool.allocate(weightBytes),
      gradients: pool.allocate(weightBytes),
      firsts: pool.allocate(weightBytes),
      seconds: pool.allocate(weightBytes),
      transposed: pool.allocate(layers * stride * stride * 4),
      scores: pool.allocate(encodings * 4),
    };
    this.#hidden = at.hidden;
    this.#set({ ...at, stride, layers });
    this.weights = pool.floats(at.weights, weightBytes / 4);
    const addresses = pool.integers(at.addresses, encodings);
    this.batch = {
      table: pool.floats(at.table, rows * 3 * stride),
      entityOf: pool.integers(at.entityOf, rows),
      groups: pool.integers(at.groups, rows + 1),
      groupRows: pool.integers(at.groupRows, rows),
      addresses: new Uint32Array(addresses.buffer, addresses.byteOffset, encodings),
      offsets: pool.integers(at.offsets, shuffles),
      losses: pool.doubles(at.losses, rows),
      hits: pool.integers(at.hits, rows),
      scores: pool.floats(at.scores, encodings),
    };
  }

  train(size: BatchSize, step: Step): void {
    this.#set({ ...size });
    const { rate, correction } = correctionsOf(step);
    this.#floats[parameter.rate] = rate;
    this.#floats[parameter.decay] = step.decay;
    this.#floats[parameter.correction] = correction;
    this.#pool.command(commands.train, this.#address);
  }

  prepare(): void {
    this.#pool.command(commands.prepare, this.#address);
  }

  score(rows: number, others: number): void {
    this.#set({ rows, randoms: others });
    this.#scored = rows * (1 + others);
    this.#pool.command(commands.score, this.#address);
  }

  vector(i: number): Float32Array {
    const at = this.#hidden + (this.#layers * this.#scored + i) * this.stride * 4;
    return this.#pool.floats(at, this.stride);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  #set(values: Partial<Record<keyof typeof parameter, number>>): void {
    for (const [name, value] of Object.entries(values)) {
      this.#integers[parameter[name as keyof typeof parameter]] = value;
    }
  }
}
