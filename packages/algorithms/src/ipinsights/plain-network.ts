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
import { adam, correctionsOf } from "./optimizer.ts";

/** Twin of ipinsights.as.ts in plain TypeScript, and its stand-in where the kernel was not built. */
export class PlainNetwork implements Network {
  readonly stride: number;
  readonly weights: Float32Array;
  readonly batch: Batch;
  readonly #layers: number;
  readonly #gradients: Float32Array;
  readonly #firsts: Float32Array;
  readonly #seconds: Float32Array;
  /** Of each layer, the bits' first: shape (encodings, stride). */
  readonly #hidden: readonly Float32Array[];

  constructor(shape: NetworkShape) {
    const { vectorDim, layers, shuffles, rows } = shape;
    const encodings = mostEncodings(shape);
    this.stride = strideOf(vectorDim);
    this.#layers = layers;
    const count = weightRows(layers, this.stride) * this.stride;
    this.weights = new Float32Array(count);
    this.#gradients = new Float32Array(count);
    this.#firsts = new Float32Array(count);
    this.#seconds = new Float32Array(count);
    this.#hidden = Array.from({ length: layers + 1 }, () => new Float32Array(encodings * this.stride));
    this.batch = {
      table: new Float32Array(rows * 3 * this.stride),
      entityOf: new Int32Array(rows),
      groups: new Int32Array(rows + 1),
      groupRows: new Int32Array(rows),
      addresses: new Uint32Array(encodings),
      offsets: new Int32Array(shuffles),
      losses: new Float64Array(rows),
      hits: new Int32Array(rows),
      scores: new Float32Array(encodings),
    };
  }

  train(size: BatchSize, step: Step): void {
    const n = size.rows * (1 + size.randoms);
    this.#encode(n);
    const slopes = this.#compare(size);
    const entityGradients = this.#differentiateEntities(size, slopes);
    this.#gradients.fill(0);
    let delta = this.#differentiateAddresses(size, slopes);
    for (let layer = this.#layers; layer >= 1; layer--) delta = this.#differentiateLayer(layer, delta, n);
    this.#differentiateBits(delta, n);
    for (let u = 0; u < size.entities; u++) {
      const [w, m, v] = [0, 1, 2].map((k) => this.#slice(this.batch.table, 3 * u + k)) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      move({ w, m, v, g: this.#slice(entityGradients, u) }, step, step.decay);
    }
    for (let row = 0; row < weightRows(this.#layers, this.stride); row++) {
      const isBias = row === 32 || (row > 32 && (row - 33) % (this.stride + 1) === this.stride);
      const [w, g, m, v] = [this.weights, this.#gradients, this.#firsts, this.#seconds].map((all) =>
        this.#slice(all, row),
      ) as [Float32Array, Float32Array, Float32Array, Float32Array];
      move({ w, g, m, v }, step, isBias ? 0 : step.decay);
    }
  }

  prepare(): void {}

  score(rows: number, others: number): void {
    const n = rows * (1 + others);
    this.#encode(n);
    for (let j = 0; j < n; j++) this.batch.scores[j] = dot(this.#entity(j % rows), this.vector(j));
  }

  vector(i: number): Float32Array {
    return this.#slice(this.#hidden[this.#layers] as Float32Array, i);
  }

  async close(): Promise<void> {}

  #encode(n: number): void {
    for (let i = 0; i < n; i++) {
      const ip = this.batch.addresses[i] as number;
      const first = this.#slice(this.#hidden[0] as Float32Array, i);
      first.set(this.#weight(32));
      for (let bit = 0; bit < 32; bit++) addScaled(first, this.#weight(bit), signOf(ip, bit));
      for (let layer = 1; layer <= this.#layers; layer++) {
        const x = this.#slice(this.#hidden[layer - 1] as Float32Array, i);
        const y = this.#slice(this.#hidden[layer] as Float32Array, i);
        y.set(this.#weight(this.#layer(layer) + this.stride));
        for (let k = 0; k < this.stride; k++)
          addScaled(y, this.#weight(this.#layer(layer) + k), Math.max(0, x[k] as number));
      }
    }
  }

  /** @returns Shape (pairs of a row, rows): derivatives of the loss by the dot products. */
  #compare(size: BatchSize): Float32Array {
    const { rows, randoms, shuffles } = size;
    const pairs = 1 + randoms + shuffles;
    const slopes = new Float32Array(rows * pairs);
    for (let i = 0; i < rows; i++) {
      let loss = 0;
      let hits = 0;
      for (let k = 0; k < pairs; k++) {
        const z = dot(this.#entity(i), this.vector(this.#other(size, i, k)));
        const sign = k === 0 ? -1 : 1;
        loss += Math.log1p(Math.exp(-Math.abs(z))) + Math.max(0, sign * z);
        if (z > 0 === (k === 0)) hits++;
        slopes[k * rows + i] = (1 / (1 + Math.exp(-z)) - (k === 0 ? 1 : 0)) / (rows * pairs);
      }
      this.batch.losses[i] = loss;
      this.batch.hits[i] = hits;
    }
    return slopes;
  }

  /** Which address the k-th pair of a row has. */
  #other({ rows, randoms }: BatchSize, i: number, k: number): number {
    if (k === 0) return i;
    if (k <= randoms) return rows + i * randoms + k - 1;
    return (i + (this.batch.offsets[k - randoms - 1] as number)) % rows;
  }

  #differentiateEntities(size: BatchSize, slopes: Float32Array): Float32Array {
    const gradients = new Float32Array(size.entities * this.stride);
    for (let u = 0; u < size.entities; u++) {
      const target = this.#slice(gradients, u);
      for (let g = this.batch.groups[u] as number; g < (this.batch.groups[u + 1] as number); g++) {
        const i = this.batch.groupRows[g] as number;
        for (let k = 0; k < 1 + size.randoms + size.shuffles; k++) {
          addScaled(target, this.vector(this.#other(size, i, k)), slopes[k * size.rows + i] as number);
        }
      }
    }
    return gradients;
  }

  #differentiateAddresses(size: BatchSize, slopes: Float32Array): Float32Array {
    const delta = new Float32Array(size.rows * (1 + size.randoms) * this.stride);
    for (let i = 0; i < size.rows; i++) {
      for (let k = 0; k < 1 + size.randoms + size.shuffles; k++) {
        const target = this.#slice(delta, this.#other(size, i, k));
        addScaled(target, this.#entity(i), slopes[k * size.rows + i] as number);
      }
    }
    return delta;
  }

  #differentiateLayer(layer: number, delta: Float32Array, n: number): Float32Array {
    const below = new Float32Array(delta.length);
    const first = this.#layer(layer);
    for (let i = 0; i < n; i++) {
      const d = this.#slice(delta, i);
      const x = this.#slice(this.#hidden[layer - 1] as Float32Array, i);
      addScaled(this.#slice(this.#gradients, first + this.stride), d, 1);
      for (let k = 0; k < this.stride; k++) {
        if (!((x[k] as number) > 0)) continue;
        addScaled(this.#slice(this.#gradients, first + k), d, x[k] as number);
        below[i * this.stride + k] = dot(this.#weight(first + k), d);
      }
    }
    return below;
  }

  #differentiateBits(delta: Float32Array, n: number): void {
    for (let i = 0; i < n; i++) {
      const ip = this.batch.addresses[i] as number;
      const d = this.#slice(delta, i);
      addScaled(this.#slice(this.#gradients, 32), d, 1);
      for (let bit = 0; bit < 32; bit++) addScaled(this.#slice(this.#gradients, bit), d, signOf(ip, bit));
    }
  }

  #entity(i: number): Float32Array {
    return this.#slice(this.batch.table, 3 * (this.batch.entityOf[i] as number));
  }

  /** Row of weights where a layer, counted from 1, begins. */
  #layer(layer: number): number {
    return 33 + (layer - 1) * (this.stride + 1);
  }

  #weight(row: number): Float32Array {
    return this.#slice(this.weights, row);
  }

  #slice(all: Float32Array, i: number): Float32Array {
    return all.subarray(i * this.stride, (i + 1) * this.stride);
  }
}

interface Moved {
  readonly w: Float32Array;
  readonly g: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** Adam's rule, with decay added to the gradient. */
function move({ w, g, m, v }: Moved, step: Step, decay: number): void {
  const { rate, correction } = correctionsOf(step);
  for (let j = 0; j < w.length; j++) {
    const gradient = (g[j] as number) + decay * (w[j] as number);
    m[j] = adam.beta1 * (m[j] as number) + (1 - adam.beta1) * gradient;
    v[j] = adam.beta2 * (v[j] as number) + (1 - adam.beta2) * gradient * gradient;
    w[j] = (w[j] as number) - (rate * (m[j] as number)) / (Math.sqrt(v[j] as number) * correction + adam.epsilon);
  }
}

/** A set bit, counted from the highest, as 1 and another as -1. */
function signOf(ip: number, bit: number): number {
  return (ip >>> (31 - bit)) & 1 ? 1 : -1;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (a[j] as number) * (b[j] as number);
  return sum;
}

function addScaled(target: Float32Array, source: Float32Array, factor: number): void {
  for (let j = 0; j < target.length; j++) target[j] = (target[j] as number) + factor * (source[j] as number);
}
