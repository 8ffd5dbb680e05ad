import { symmetricEigen } from "../../numerics/eigen/symmetric-eigen.ts";

/** A linear function of some columns. */
export interface LinearFit {
  readonly weights: readonly number[];
  readonly intercept: number;
}

/** Shape and rate of the gamma priors of both precisions: nearly no information. */
const prior = 1e-6;
const mostRounds = 300;
const tolerance = 1e-3;

/**
 * Linear regression with a Gaussian prior on the weights, whose precision and that of the noise follow from the data by
 * maximising the evidence.
 * @param columns - Of the features, each of the same length as `target`.
 * @see MacKay (1992), Bayesian interpolation, Neural Computation 4(3); Tipping (2001), Sparse Bayesian learning and the
 * relevance vector machine, JMLR 1, for the priors.
 */
export function bayesianRidge(columns: readonly Float64Array[], target: Float64Array): LinearFit {
  const rows = target.length;
  const width = columns.length;
  const targetMean = mean(target);
  const y = target.map((value) => value - targetMean);
  const means = columns.map(mean);
  const x = columns.map((values, j) => values.map((value) => value - (means[j] as number)));
  const products = x.map((values) => dot(values, y));
  const { values, vectors } = symmetricEigen(gram(x), width);
  const eigenvalues = values.map((value) => Math.max(0, value));
  // The products, in the coordinates of the eigenvectors.
  const turned = Array.from({ length: width }, (_, k) =>
    products.reduce((sum, product, j) => sum + product * (vectors[k * width + j] as number), 0),
  );
  const weightsFor = (noise: number, weight: number): number[] => {
    const along = turned.map((product, k) => product / ((eigenvalues[k] as number) + weight / noise));
    return x.map((_, j) => along.reduce((sum, value, k) => sum + value * (vectors[k * width + j] as number), 0));
  };
  const residualsOf = (weights: readonly number[]): number => {
    const rest = y.slice();
    for (const [j, own] of x.entries()) {
      const weight = weights[j] as number;
      for (let i = 0; i < rows; i++) rest[i] = (rest[i] as number) - weight * (own[i] as number);
    }
    return dot(rest, rest);
  };
  let noise = 1 / (dot(y, y) / rows + Number.EPSILON);
  let weight = 1;
  let before: readonly number[] | undefined;
  for (let round = 0; round < mostRounds; round++) {
    const weights = weightsFor(noise, weight);
    const known = eigenvalues.reduce((sum, value) => sum + (noise * value) / (weight + noise * value), 0);
    weight = (known + 2 * prior) / (weights.reduce((sum, value) => sum + value * value, 0) + 2 * prior);
    noise = (rows - known + 2 * prior) / (residualsOf(weights) + 2 * prior);
    const last = before;
    before = weights;
    if (last && weights.reduce((sum, value, j) => sum + Math.abs(value - (last[j] as number)), 0) < tolerance) break;
  }
  const weights = weightsFor(noise, weight);
  return { weights, intercept: targetMean - weights.reduce((sum, value, j) => sum + value * (means[j] as number), 0) };
}

function gram(x: readonly Float64Array[]): Float64Array {
  const n = x.length;
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      matrix[i * n + j] = dot(x[i] as Float64Array, x[j] as Float64Array);
      matrix[j * n + i] = matrix[i * n + j] as number;
    }
  }
  return matrix;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
