import { type Assigner, openAssigner, type RowArea } from "../../kmeans/assigner.ts";
import { initialCentres } from "../../kmeans/initial-centres.ts";
import { lloyd } from "../../kmeans/lloyd.ts";
import type { RandomStream } from "../../numerics/random.ts";

/** Writes the i-th of some vectors into an array. */
export type VectorSource = (i: number, target: Float32Array, at: number) => void;

/** Vectors that are looked at together. */
const sliceRows = 4096;
/**
 * How many iterations, as a share of those asked for, look at which share of the vectors: centres that are far from where they will be
 * are moved as well by a sample. Together they cost two thirds of looking at all vectors in every iteration, and end as well.
 */
const stages = [
  { iterations: 0.8, vectors: 0.25 },
  { iterations: 0.4, vectors: 0.5 },
  { iterations: 0.3, vectors: 1 },
] as const;
/** The fewest vectors of a sample, a centre: FAISS warns of fewer than 39. */
const fewestVectors = 39;

/** What training may use. */
export interface TrainingTools {
  readonly threads: number;
  readonly random: RandomStream;
  /** Ends training where it stands. */
  readonly signal: AbortSignal;
}

/** Learns centres of vectors by k-means, and finds the nearest centre of a vector. */
export class VectorQuantizer {
  readonly #assigner: Assigner;
  readonly #width: number;
  readonly #centres: number;
  readonly #slice: RowArea;
  #training: RowArea | undefined;

  static async open(width: number, centres: number, threads: number): Promise<VectorQuantizer> {
    return new VectorQuantizer(await openAssigner({ width, centres }, threads), width, centres);
  }

  private constructor(assigner: Assigner, width: number, centres: number) {
    this.#assigner = assigner;
    this.#width = width;
    this.#centres = centres;
    this.#slice = assigner.area(sliceRows);
  }

  /**
   * Learns centres from vectors in random order, the same number of them in every call.
   * @returns Shape (centres, width).
   */
  async train(
    source: VectorSource,
    count: number,
    maxIterations: number,
    { random, signal }: TrainingTools,
  ): Promise<Float64Array> {
    const { stride } = this.#assigner;
    this.#training ??= this.#assigner.area(count);
    const { values } = this.#training;
    for (let i = 0; i < count; i++) source(i, values, i * stride);
    const origin = this.#toMean(values, count);
    const points = { area: this.#training, values, count, width: this.#width, stride };
    const size = (share: number) => Math.min(count, Math.max(Math.ceil(share * count), fewestVectors * this.#centres));
    let centres = initialCentres({ ...points, count: size(stages[0].vectors) }, this.#centres, "random", random);
    for (const stage of stages) {
      const limits = {
        maxIterations: Math.round(stage.iterations * maxIterations),
        tolerance: 0,
        isLossUnasked: true,
        signal,
      };
      ({ centres } = await lloyd(this.#assigner, { ...points, count: size(stage.vectors) }, centres, limits));
    }
    return centres.map((value, i) => value + (origin[i % this.#width] as number));
  }

  /** Finds the nearest of some centres for each vector. @param found - Is given the place of each. */
  assign(centres: Float64Array, source: VectorSource, count: number, found: (i: number, centre: number) => void): void {
    const { stride } = this.#assigner;
    // Around their mean, single precision suffices to tell centres apart wherever the data lies.
    const origin = Float64Array.from({ length: this.#width }, (_, j) => {
      let sum = 0;
      for (let c = 0; c < this.#centres; c++) sum += centres[c * this.#width + j] as number;
      return Math.fround(sum / this.#centres);
    });
    const shifted = centres.map((value, i) => value - (origin[i % this.#width] as number));
    this.#assigner.use(shifted, this.#centres);
    const { values, labels } = this.#slice;
    for (let first = 0; first < count; first += sliceRows) {
      const rows = Math.min(sliceRows, count - first);
      for (let i = 0; i < rows; i++) {
        source(first + i, values, i * stride);
        for (let j = 0; j < this.#width; j++) {
          values[i * stride + j] = (values[i * stride + j] as number) - (origin[j] as number);
        }
      }
      this.#assigner.assign(this.#slice, rows);
      for (let i = 0; i < rows; i++) found(first + i, labels[i] as number);
    }
  }

  async close(): Promise<void> {
    await this.#assigner.close();
  }

  /** Takes the mean from vectors, for the same reason. */
  #toMean(values: Float32Array, count: number): Float64Array {
    const { stride } = this.#assigner;
    const mean = new Float64Array(this.#width);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < this.#width; j++) mean[j] = (mean[j] as number) + (values[i * stride + j] as number);
    }
    const origin = mean.map((sum) => Math.fround(sum / count));
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < this.#width; j++) {
        values[i * stride + j] = (values[i * stride + j] as number) - (origin[j] as number);
      }
    }
    return origin;
  }
}
