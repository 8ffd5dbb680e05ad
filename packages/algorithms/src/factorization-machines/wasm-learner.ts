import type { KernelPool, PoolExports } from "../numerics/kernel-pool.ts";
import { correctionOf } from "./adam.ts";
import { GrownArrays } from "./grown-arrays.ts";
import {
  bucketBytes,
  commands,
  countsPitch,
  losses,
  number,
  parameter,
  parameterCount,
  slotBytes,
  strideOf,
} from "./kernels/layout.ts";
import type { BatchArea, Learner, LearnerPlan, Parameters } from "./learner.ts";

/** Trains with the WASM kernel on all threads of a pool. */
export class WasmLearner implements Learner {
  readonly #pool: KernelPool<PoolExports>;
  readonly #plan: LearnerPlan;
  readonly #stride: number;
  readonly #address: number;
  readonly #integers: Int32Array;
  readonly #numbers: Float32Array;
  readonly #weights: Float32Array;
  readonly #bias: Float32Array;
  readonly #rows: GrownArrays<"offsets" | "labels" | "scores" | "losses" | "slopes" | "sums">;
  readonly #entries: GrownArrays<"columns" | "values" | "buckets">;
  /** What is added up of each feature that occurs in a mini-batch. */
  readonly #sums: GrownArrays<"gradients" | "squares" | "touched">;
  #area: BatchArea;
  /** Mini-batches so far: what Adam corrects by, and the stamp of gradients that are of this one. */
  #step = 0;

  constructor(pool: KernelPool<PoolExports>, plan: LearnerPlan, start: Parameters) {
    const { width, factors, loss, clip, epsilon, bias, linear, pairs } = plan;
    this.#pool = pool;
    this.#plan = plan;
    this.#stride = strideOf(factors);
    const rowBytes = this.#stride * 4;
    const addresses = {
      weights: pool.allocate(width * rowBytes),
      moments: pool.allocate(width * rowBytes * 2),
      slots: pool.allocate(width * slotBytes),
      counts: pool.allocate(pool.threads * countsPitch(pool.threads)),
      rates: pool.allocate(rowBytes),
      decays: pool.allocate(rowBytes),
      bias: pool.allocate(16),
    };
    this.#address = pool.allocate(parameterCount * 4);
    this.#integers = pool.integers(this.#address, parameterCount);
    this.#numbers = pool.floats(this.#address, parameterCount);
    this.#place({ ...addresses, width, stride: this.#stride, loss: losses[loss] });
    this.#numbers[number.clip] = clip;
    this.#numbers[number.epsilon] = epsilon;
    this.#numbers[number.biasRate] = bias.rate;
    this.#numbers[number.biasDecay] = bias.decay;
    const lanes = (at: number, name: "rate" | "decay") => {
      pool.floats(at, 1 + factors).fill(pairs[name])[0] = linear[name];
    };
    lanes(addresses.rates, "rate");
    lanes(addresses.decays, "decay");
    this.#weights = pool.floats(addresses.weights, width * this.#stride);
    this.#bias = pool.floats(addresses.bias, 3);
    this.#begin(start);
    this.#rows = new GrownArrays(pool, { offsets: 4, labels: 4, scores: 4, losses: 4, slopes: 4, sums: rowBytes });
    this.#entries = new GrownArrays(pool, { columns: 4, values: 4, buckets: bucketBytes });
    this.#sums = new GrownArrays(pool, { gradients: rowBytes, squares: 4, touched: 4 });
    this.#area = this.#makeRoom(0, 0);
  }

  get area(): BatchArea {
    return this.#area;
  }

  reserve(rows: number, entries: number): void {
    if (rows <= this.#rows.count - 1 && entries <= this.#entries.count) return;
    this.#area = this.#makeRoom(rows, entries);
  }

  train(rows: number): void {
    this.#step++;
    this.#numbers[number.scale] = this.#plan.scale ?? 1 / rows;
    this.#numbers[number.correction] = correctionOf(this.#step);
    this.#place({ rows, stamp: this.#step });
    this.#pool.command(commands.train, this.#address);
  }

  score(rows: number): void {
    this.#place({ rows });
    this.#pool.command(commands.score, this.#address);
  }

  parameters(): Parameters {
    const { width, factors: k } = this.#plan;
    const linear = new Float32Array(width);
    const factors = new Float32Array(width * k);
    for (let j = 0; j < width; j++) {
      const at = j * this.#stride;
      linear[j] = this.#weights[at] as number;
      for (let f = 0; f < k; f++) factors[j * k + f] = this.#weights[at + 1 + f] as number;
    }
    return { bias: this.#bias[0] as number, linear, factors };
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  #begin({ bias, linear, factors }: Parameters): void {
    const { width, factors: k } = this.#plan;
    this.#bias[0] = bias;
    for (let j = 0; j < width; j++) {
      const at = j * this.#stride;
      this.#weights[at] = linear[j] as number;
      for (let f = 0; f < k; f++) this.#weights[at + 1 + f] = factors[j * k + f] as number;
    }
  }

  #makeRoom(rows: number, entries: number): BatchArea {
    const pool = this.#pool;
    this.#rows.reserve(rows + 1); // offsets have an end
    this.#entries.reserve(entries);
    // Each thread lists features of its own, so that all together list no more than there are entries.
    this.#sums.reserve(Math.min(this.#entries.count, this.#plan.width * pool.threads));
    const { offsets, labels, scores, losses } = this.#rows.addresses;
    const { columns, values } = this.#entries.addresses;
    this.#place({ ...this.#rows.addresses, ...this.#entries.addresses, ...this.#sums.addresses });
    const rowCount = this.#rows.count - 1;
    return {
      offsets: unsigned(pool, offsets, rowCount + 1),
      labels: pool.floats(labels, rowCount),
      scores: pool.floats(scores, rowCount),
      losses: pool.floats(losses, rowCount),
      columns: unsigned(pool, columns, this.#entries.count),
      values: pool.floats(values, this.#entries.count),
    };
  }

  #place(values: Partial<Record<keyof typeof parameter, number>>): void {
    for (const [name, value] of Object.entries(values)) {
      this.#integers[parameter[name as keyof typeof parameter]] = value;
    }
  }
}

function unsigned(pool: KernelPool<PoolExports>, at: number, count: number): Uint32Array {
  const { buffer, byteOffset } = pool.integers(at, count);
  return new Uint32Array(buffer, byteOffset, count);
}
