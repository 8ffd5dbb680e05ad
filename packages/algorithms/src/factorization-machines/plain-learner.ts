import { beta1, beta2, correctionOf } from "./adam.ts";
import type { BatchArea, Learner, LearnerPlan, Parameters } from "./learner.ts";

/** One number that is learned, among others: its gradient makes a step of Adam. */
interface Moments {
  readonly values: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** Twin of factorization-machines.as.ts in plain TypeScript, and its stand-in where that cannot run. */
export class PlainLearner implements Learner {
  area: BatchArea = areaOf(0, 0);
  readonly #plan: LearnerPlan;
  readonly #bias: Moments;
  readonly #linear: Moments;
  readonly #factors: Moments;
  #step = 0;

  constructor(plan: LearnerPlan, { bias, linear, factors }: Parameters) {
    this.#plan = plan;
    this.#bias = momentsOf(Float32Array.of(bias));
    this.#linear = momentsOf(linear);
    this.#factors = momentsOf(factors);
  }

  reserve(rows: number, entries: number): void {
    const { labels, columns } = this.area;
    if (rows <= labels.length && entries <= columns.length) return;
    const larger = areaOf(Math.max(rows, labels.length), Math.max(entries, columns.length));
    for (const name of ["offsets", "columns", "values", "labels"] as const) larger[name].set(this.area[name]);
    this.area = larger;
  }

  score(rows: number): void {
    for (let i = 0; i < rows; i++) this.#scoreRow(i);
  }

  train(rows: number): void {
    const { factors: k, scale = 1 / rows, bias, linear, pairs } = this.#plan;
    const { offsets, columns, values } = this.area;
    const byLinear = new Map<number, number>();
    const byFactor = new Map<number, Float64Array>();
    let byBias = 0;
    for (let i = 0; i < rows; i++) {
      const { slope, sums } = this.#scoreRow(i);
      byBias += slope;
      for (let e = offsets[i] as number; e < (offsets[i + 1] as number); e++) {
        const column = columns[e] as number;
        const x = values[e] as number;
        byLinear.set(column, (byLinear.get(column) ?? 0) + slope * x);
        const gradient = byFactor.get(column) ?? new Float64Array(k);
        byFactor.set(column, gradient);
        for (let f = 0; f < k; f++) {
          const v = this.#factors.values[column * k + f] as number;
          gradient[f] = (gradient[f] as number) + slope * x * ((sums[f] as number) - v * x);
        }
      }
    }
    this.#step++;
    this.#move(this.#bias, 0, byBias * scale, bias);
    for (const [column, gradient] of byLinear) this.#move(this.#linear, column, gradient * scale, linear);
    for (const [column, gradients] of byFactor) {
      gradients.forEach((gradient, f) => this.#move(this.#factors, column * k + f, gradient * scale, pairs));
    }
  }

  parameters(): Parameters {
    return {
      bias: this.#bias.values[0] as number,
      linear: this.#linear.values.slice(),
      factors: this.#factors.values.slice(),
    };
  }

  async close(): Promise<void> {}

  /** Writes a row's score and loss. @returns The loss's slope by the score, and the sum of x v for each factor. */
  #scoreRow(row: number): { readonly slope: number; readonly sums: Float64Array } {
    const { factors: k, loss } = this.#plan;
    const { offsets, columns, values, labels, scores, losses } = this.area;
    const sums = new Float64Array(k);
    let score = this.#bias.values[0] as number;
    for (let e = offsets[row] as number; e < (offsets[row + 1] as number); e++) {
      const column = columns[e] as number;
      const x = values[e] as number;
      score += x * (this.#linear.values[column] as number);
      for (let f = 0; f < k; f++) {
        const product = x * (this.#factors.values[column * k + f] as number);
        sums[f] = (sums[f] as number) + product;
        score -= product ** 2 / 2;
      }
    }
    for (const sum of sums) score += sum ** 2 / 2;
    const label = labels[row] as number;
    scores[row] = score;
    const error = score - label;
    if (loss === "squared") {
      losses[row] = error ** 2;
      return { slope: error, sums };
    }
    losses[row] = Math.max(label === 1 ? -score : score, 0) + Math.log1p(Math.exp(-Math.abs(score)));
    return { slope: 1 / (1 + Math.exp(-score)) - label, sums };
  }

  #move({ values, first, second }: Moments, at: number, gradient: number, part: LearnerPlan["bias"]): void {
    const { clip, epsilon } = this.#plan;
    const old = values[at] as number;
    const g = Math.min(Math.max(gradient + part.decay * old, -clip), clip);
    const m = beta1 * (first[at] as number) + (1 - beta1) * g;
    const v = beta2 * (second[at] as number) + (1 - beta2) * g * g;
    first[at] = m;
    second[at] = v;
    values[at] = old - (part.rate * correctionOf(this.#step) * m) / (Math.sqrt(v) + epsilon);
  }
}

function areaOf(rows: number, entries: number): BatchArea {
  return {
    offsets: new Uint32Array(rows + 1),
    columns: new Uint32Array(entries),
    values: new Float32Array(entries),
    labels: new Float32Array(rows),
    scores: new Float32Array(rows),
    losses: new Float32Array(rows),
  };
}

function momentsOf(values: Float32Array): Moments {
  return {
    values: values.slice(),
    first: new Float32Array(values.length),
    second: new Float32Array(values.length),
  };
}
