import type { Point } from "../search-space.ts";
import { Cholesky } from "./cholesky.ts";
import { type LogHyperparameters, noiseAt, signalAt } from "./hyperparameters.ts";
import type { Matern52 } from "./kernel.ts";

/** What a function's value may be at a place, without the noise of measuring it. */
export interface Look {
  /** One for each set of values that the process has seen. */
  readonly means: Float64Array;
  /** Standard deviation, which depends on the places only. */
  readonly deviation: () => number;
  /** No less than the deviation, for a fraction of what that costs. */
  readonly mostDeviation: () => number;
}

/** Values that decide what the deviation of a place is at most. */
const alike = 20;

/**
 * A Gaussian process of mean 0 that has seen some values (Rasmussen and Williams 2006, algorithm 2.1): one set of them, or
 * several that might all be at the same places.
 */
export class GaussianProcess {
  readonly #kernel: Matern52;
  readonly #theta: LogHyperparameters;
  readonly #points: readonly Point[];
  readonly #inverseSquares: Float64Array;
  readonly #signal: number;
  readonly #noise: number;
  readonly #extraNoise: Float64Array | undefined;
  readonly #factor: Cholesky;
  readonly #alphas: readonly Float64Array[];

  /**
   * @param targets - Sets of values, each of shape (n,).
   * @param extraNoise - Variance added to each value's own, shape (n,): of what is known less surely.
   * @param base - A process of the same hyperparameters that has seen the first of the points: saves most of the work.
   */
  constructor(
    kernel: Matern52,
    theta: LogHyperparameters,
    points: readonly Point[],
    targets: readonly Float64Array[],
    { extraNoise, base }: { readonly extraNoise?: Float64Array; readonly base?: GaussianProcess } = {},
  ) {
    const d = kernel.dimensions;
    this.#kernel = kernel;
    this.#theta = theta;
    this.#points = points;
    this.#inverseSquares = Float64Array.from({ length: d }, (_, index) => Math.exp(-2 * (theta[index] as number)));
    this.#signal = Math.exp(theta[signalAt(d)] as number);
    this.#noise = Math.exp(theta[noiseAt(d)] as number);
    this.#extraNoise = extraNoise;
    this.#factor = this.#factorise(extraNoise, base && base.#factor);
    this.#alphas = targets.map((y) => this.#factor.solve(Float64Array.from(y)));
  }

  /** The process that has seen values at more places, too. @param targets - Sets of values at all places. */
  extended(more: readonly Point[], targets: readonly Float64Array[]): GaussianProcess {
    return new GaussianProcess(this.#kernel, this.#theta, [...this.#points, ...more], targets, { base: this });
  }

  /** Means at a place at once, and its deviation, which costs the square of the number of values, only where it is asked for. */
  look(point: Point): Look {
    const across = this.#covariances(point);
    return {
      means: Float64Array.from(this.#alphas, (alpha) => dot(across, alpha)),
      mostDeviation: () => this.#deviation(across, this.#alikeOf(across)),
      deviation: () => deviationOf(this.#signal, this.#factor.solveLower(Float64Array.from(across))),
    };
  }

  /** Means only, which cost a fraction of a prediction. */
  means(point: Point): Float64Array {
    const across = this.#covariances(point);
    return Float64Array.from(this.#alphas, (alpha) => dot(across, alpha));
  }

  /**
   * Draws what measuring some places together might give, after the first set of values: for fantasies about trials that
   * still run.
   * @param normals - Standard normals, one for each place.
   */
  draw(places: readonly Point[], normals: Float64Array): Float64Array {
    const m = places.length;
    const explained = places.map((place) => this.#factor.solveLower(this.#covariances(place)));
    const covariance = new Float64Array(m * m);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j <= i; j++) {
        const prior = this.#signal * this.#correlation(places[i] as Point, places[j] as Point);
        covariance[i * m + j] = prior - dot(explained[i] as Float64Array, explained[j] as Float64Array);
      }
      // Measuring has noise, and equal places would not be positive definite without.
      covariance[i * m + i] = (covariance[i * m + i] as number) + this.#noise + 1e-9 * this.#signal;
    }
    const factor = Cholesky.factor(covariance, m);
    const shift = factor?.multiply(normals);
    return Float64Array.from(places, (place, index) => (this.means(place)[0] as number) + (shift?.[index] ?? 0));
  }

  /** Adds a little to the diagonal where rounding makes the matrix singular. */
  #factorise(extraNoise?: Float64Array, base?: Cholesky): Cholesky {
    const n = this.#points.length;
    for (let jitter = 0; ; jitter = Math.max(jitter * 10, 1e-9 * this.#signal)) {
      const matrix = new Float64Array(n * n);
      for (let i = base?.size ?? 0; i < n; i++) {
        const a = this.#points[i] as Point;
        for (let j = 0; j < i; j++) matrix[i * n + j] = this.#signal * this.#correlation(a, this.#points[j] as Point);
        matrix[i * n + i] = this.#signal + this.#noise + jitter + (extraNoise?.[i] ?? 0);
      }
      const factor = Cholesky.factor(matrix, n, base);
      if (factor) return factor;
    }
  }

  /** What some of the values leave open: more values can only leave less. @param seen - Indices of those values. */
  #deviation(across: Float64Array, seen: readonly number[]): number {
    const m = seen.length;
    const matrix = new Float64Array(m * m);
    for (const [i, index] of seen.entries()) {
      const a = this.#points[index] as Point;
      for (let j = 0; j < i; j++) {
        matrix[i * m + j] = this.#signal * this.#correlation(a, this.#points[seen[j] as number] as Point);
      }
      matrix[i * m + i] = this.#signal + this.#noise + (this.#extraNoise?.[index] ?? 0) + 1e-9 * this.#signal;
    }
    const factor = Cholesky.factor(matrix, m);
    if (!factor) return Math.sqrt(this.#signal);
    return deviationOf(this.#signal, factor.solveLower(Float64Array.from(seen, (index) => across[index] as number)));
  }

  /** Indices of the values that tell most of a place by themselves. */
  #alikeOf(across: Float64Array): number[] {
    const best: number[] = [];
    let least = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < across.length; index++) {
      const value = across[index] as number;
      if (best.length === alike && value <= least) continue;
      let at = best.length < alike ? best.length : alike - 1;
      for (; at > 0 && (across[best[at - 1] as number] as number) < value; at--) best[at] = best[at - 1] as number;
      best[at] = index;
      if (best.length === alike) least = across[best[alike - 1] as number] as number;
    }
    return best;
  }

  #covariances(point: Point): Float64Array {
    const n = this.#points.length;
    const across = new Float64Array(n);
    for (let i = 0; i < n; i++) across[i] = this.#signal * this.#correlation(point, this.#points[i] as Point);
    return across;
  }

  #correlation(a: Point, b: Point): number {
    return this.#kernel.correlation(a, b, this.#inverseSquares);
  }
}

/** @param explained - The covariances with what was seen, multiplied by the inverse of its factor. */
function deviationOf(signal: number, explained: Float64Array): number {
  return Math.sqrt(Math.max(signal - dot(explained, explained), 1e-12));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}
