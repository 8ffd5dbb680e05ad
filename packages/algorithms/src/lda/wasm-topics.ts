import type { KernelPool, PoolExports } from "../numerics/kernel-pool.ts";
import type { Counts } from "./corpus.ts";
import { commands, parameter, parameterCount, tolerancePosition } from "./kernels/layout.ts";
import { strideOf } from "./stride.ts";
import type { Inference, Placed, TopicKernel, Vectors } from "./topic-kernel.ts";

/** The work over counts with the WASM kernel, on all threads of a pool. */
export class WasmTopics implements TopicKernel {
  readonly #pool: KernelPool<PoolExports>;
  readonly #address: number;
  readonly #parameters: Int32Array;
  readonly #floats: Float32Array;
  readonly #scratchOf: number;

  constructor(pool: KernelPool<PoolExports>, width: number) {
    this.#pool = pool;
    this.#address = pool.allocate(parameterCount * 4);
    this.#parameters = pool.integers(this.#address, parameterCount);
    this.#floats = pool.floats(this.#address, parameterCount);
    this.#scratchOf = strideOf(width);
    this.#set({ scratch: pool.allocate(pool.threads * this.#scratchOf * 4) });
  }

  vectors(lines: number, width: number): Vectors {
    const stride = strideOf(width);
    if (stride > this.#scratchOf) throw new RangeError(`the kernel is for vectors of ${this.#scratchOf}, not ${width}`);
    const count = lines * stride;
    return { values: this.#pool.floats(this.#pool.allocate(count * 4), count), stride };
  }

  doubles(count: number): Float64Array {
    return this.#pool.doubles(this.#pool.allocate(count * 8), count);
  }

  place({ lines, offsets, indices, counts }: Counts): Placed {
    const integers = (values: Int32Array) => {
      const copy = this.#pool.integers(this.#pool.allocate(values.length * 4), values.length);
      copy.set(values);
      return copy;
    };
    const copied = this.#pool.floats(this.#pool.allocate(counts.length * 4), counts.length);
    copied.set(counts);
    return { lines, offsets: integers(offsets), indices: integers(indices), counts: copied, placed: true };
  }

  infer(documents: Placed, topics: Vectors, mixtures: Vectors, inference: Inference): void {
    this.#floats[tolerancePosition] = inference.tolerance;
    this.#set({
      prior: inference.prior.values.byteOffset,
      likelihoods: inference.likelihoods?.byteOffset ?? 0,
      iterations: inference.iterations,
    });
    this.#run(commands.infer, documents, topics, mixtures);
  }

  collect(words: Placed, mixtures: Vectors, topics: Vectors, prior: Vectors): void {
    this.#set({ prior: prior.values.byteOffset });
    this.#run(commands.collect, words, mixtures, topics);
  }

  multiply(counts: Placed, input: Vectors, output: Vectors): void {
    this.#run(commands.multiply, counts, input, output);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  #run(kind: number, { lines, offsets, indices, counts }: Placed, input: Vectors, output: Vectors): void {
    this.#set({
      lines,
      stride: output.stride,
      offsets: offsets.byteOffset,
      indices: indices.byteOffset,
      counts: counts.byteOffset,
      input: input.values.byteOffset,
      output: output.values.byteOffset,
    });
    this.#pool.command(kind, this.#address);
  }

  #set(values: Partial<Record<keyof typeof parameter, number>>): void {
    for (const [name, value] of Object.entries(values)) {
      this.#parameters[parameter[name as keyof typeof parameter]] = value;
    }
  }
}
