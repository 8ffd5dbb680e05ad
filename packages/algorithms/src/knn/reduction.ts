import { distinct } from "../kmeans/initial-centres.ts";
import { randomStream } from "../numerics/random.ts";
import type { Area, Scanner } from "./search/scanner.ts";
import { strideOf } from "./search/stride.ts";

/** A random projection, which follows from these numbers alone. */
export interface ReductionModel {
  readonly type: "sign" | "fjlt";
  readonly seed: number;
  readonly inputWidth: number;
  readonly target: number;
}

/** Gives rows fewer features such that their distances and products stay about what they were. */
export interface Reduction {
  /** @param input - Shape (count, strideOf(inputWidth)). @param output - Shape (count, strideOf(target)); is written whole. */
  apply(input: Area, count: number, output: Area): void;
}

/** Makes the projection of a model. */
export function openReduction(model: ReductionModel, scanner: Scanner): Reduction {
  return model.type === "sign" ? new SignReduction(model, scanner) : new FastReduction(model);
}

/**
 * Products with rows of random signs over the root of the target.
 * @see Achlioptas (2003), Database-friendly random projections, J. Comput. Syst. Sci. 66(4): equation 1.
 */
class SignReduction implements Reduction {
  readonly #model: ReductionModel;
  readonly #scanner: Scanner;
  /** Shape (target, strideOf(inputWidth)). */
  readonly #matrix: Area;

  constructor(model: ReductionModel, scanner: Scanner) {
    this.#model = model;
    this.#scanner = scanner;
    const { target, inputWidth, seed } = model;
    const stride = strideOf(inputWidth);
    this.#matrix = scanner.area(target * stride);
    const random = randomStream(seed);
    const scale = 1 / Math.sqrt(target);
    for (let r = 0; r < target; r++) {
      for (let j = 0; j < inputWidth; j++)
        this.#matrix.values[r * stride + j] = random.uniform() < 0.5 ? -scale : scale;
    }
  }

  apply(rows: Area, count: number, output: Area): void {
    const { inputWidth: width, target } = this.#model;
    this.#scanner.project({ rows, count, width, matrix: this.#matrix, target, output });
  }
}

/**
 * Random signs, a Walsh-Hadamard transform, and some of its outputs: no matrix, and n log n additions a row.
 * @see Ailon and Chazelle (2009), The fast Johnson-Lindenstrauss transform, SIAM J. Comput. 39(1), with the outputs sampled
 * as in Tropp (2011), Improved analysis of the subsampled randomized Hadamard transform, Adv. Adapt. Data Anal. 3.
 */
class FastReduction implements Reduction {
  readonly #model: ReductionModel;
  readonly #signs: Float32Array;
  readonly #outputs: Uint32Array;
  readonly #work: Float32Array;

  constructor(model: ReductionModel) {
    this.#model = model;
    const { target, inputWidth, seed } = model;
    const size = 2 ** Math.ceil(Math.log2(inputWidth));
    const random = randomStream(seed);
    this.#signs = Float32Array.from({ length: inputWidth }, () => (random.uniform() < 0.5 ? -1 : 1));
    this.#outputs = distinct(size, target, random);
    this.#work = new Float32Array(size);
  }

  apply(input: Area, count: number, output: Area): void {
    const { inputWidth, target } = this.#model;
    const scale = 1 / Math.sqrt(target);
    for (let i = 0; i < count; i++) {
      const from = i * strideOf(inputWidth);
      this.#work.fill(0);
      for (let j = 0; j < inputWidth; j++) {
        this.#work[j] = (this.#signs[j] as number) * (input.values[from + j] as number);
      }
      transform(this.#work);
      const to = i * strideOf(target);
      for (let r = 0; r < target; r++)
        output.values[to + r] = scale * (this.#work[this.#outputs[r] as number] as number);
    }
  }
}

/** The Walsh-Hadamard transform, in place: products with rows of signs that are orthogonal. */
function transform(values: Float32Array): void {
  for (let half = 1; half < values.length; half *= 2) {
    for (let begin = 0; begin < values.length; begin += 2 * half) {
      for (let i = begin; i < begin + half; i++) {
        const [a, b] = [values[i] as number, values[i + half] as number];
        values[i] = a + b;
        values[i + half] = a - b;
      }
    }
  }
}
