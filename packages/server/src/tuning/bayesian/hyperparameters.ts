import type { Point } from "../search-space.ts";
import { Cholesky } from "./cholesky.ts";
import { type Matern52, matern52, matern52Slope } from "./kernel.ts";
import { type Evaluation, minimise } from "./lbfgs.ts";

/** What a Gaussian process assumes of its function, in natural logarithms: lengths of each parameter, then the others. */
export type LogHyperparameters = Float64Array;

/** Where `LogHyperparameters` has the variance of the function and that of the noise, with `d` length scales. */
export const signalAt = (d: number): number => d;
export const noiseAt = (d: number): number => d + 1;

/** Noise is never taken to be less than this share of the objective's variance: the factorisation needs some. */
const leastLogNoise = Math.log(1e-6);

/**
 * What is believed before any trial, as normal distributions of the logarithms. Length scales grow with the square root
 * of the number of parameters, since distances do (Hvarfner et al. 2024, Vanilla Bayesian optimization performs great in
 * high dimensions). Objectives are standardised, so that the variance is about 1; most noise is small.
 */
function priors(d: number): { readonly mean: number; readonly deviation: number }[] {
  const length = { mean: lengthMean(d), deviation: 1.2 };
  return [...Array.from({ length: d }, () => length), { mean: 0.3, deviation: 1 }, { mean: -7, deviation: 2.5 }];
}

const lengthMean = (d: number): number => -0.3 + 0.5 * Math.log(d);

/**
 * Where searches for hyperparameters begin when nothing is known: what is believed, and the other way to explain a rough
 * objective, which is a smooth one with much noise.
 */
export function initialHyperparameters(d: number): readonly LogHyperparameters[] {
  const believed = Float64Array.from(priors(d), ({ mean }) => mean);
  const noisy = Float64Array.from(believed);
  for (let index = 0; index < d; index++) noisy[index] = lengthMean(d) + 0.7;
  noisy[noiseAt(d)] = -1.5;
  return [believed, noisy];
}

/**
 * The most probable hyperparameters given what was observed (maximum a posteriori), from the best of some starts.
 * @param y - Standardised objectives, shape (n,).
 * @param starts - At least one.
 */
export function fitHyperparameters(
  kernel: Matern52,
  points: readonly Point[],
  y: Float64Array,
  starts: readonly LogHyperparameters[],
  iterations: number,
): LogHyperparameters {
  const squares = squaredSteps(kernel, points);
  const evaluate = (theta: LogHyperparameters) => negativeLogPosterior(theta, squares, y, kernel.dimensions);
  let best: { x: Float64Array; value: number } | undefined;
  for (const start of starts) {
    const found = minimise(evaluate, start, { iterations });
    if (found && (!best || found.value < best.value)) best = found;
  }
  return bounded(best?.x ?? (starts[0] as LogHyperparameters));
}

/** Keeps what the search must not leave. */
function bounded(theta: LogHyperparameters): LogHyperparameters {
  const result = Float64Array.from(theta);
  const noise = result.length - 1;
  result[noise] = Math.max(result[noise] as number, leastLogNoise);
  return result;
}

/** Squared distances along each parameter of every pair of points, pairs of the lower triangle in rows. */
function squaredSteps(kernel: Matern52, points: readonly Point[]): Float64Array[] {
  return Array.from({ length: kernel.dimensions }, (_, index) => {
    const steps = new Float64Array((points.length * (points.length - 1)) / 2);
    let at = 0;
    for (let i = 1; i < points.length; i++) {
      for (let j = 0; j < i; j++) steps[at++] = kernel.squaredStep(index, points[i] as Point, points[j] as Point);
    }
    return steps;
  });
}

/** Rasmussen and Williams (2006), equations 5.8 and 5.9, and the priors. */
function negativeLogPosterior(
  theta: LogHyperparameters,
  squares: readonly Float64Array[],
  y: Float64Array,
  d: number,
): Evaluation | undefined {
  const n = y.length;
  const signal = Math.exp(theta[signalAt(d)] as number);
  const noise = Math.exp(Math.max(theta[noiseAt(d)] as number, leastLogNoise));
  const inverseSquares = Float64Array.from({ length: d }, (_, index) => Math.exp(-2 * (theta[index] as number)));
  const pairs = (n * (n - 1)) / 2;
  const total = new Float64Array(pairs);
  for (let index = 0; index < d; index++) {
    const steps = squares[index] as Float64Array;
    const weight = inverseSquares[index] as number;
    for (let at = 0; at < pairs; at++) total[at] = (total[at] as number) + weight * (steps[at] as number);
  }
  const matrix = new Float64Array(n * n);
  let at = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) matrix[i * n + j] = signal * matern52(total[at++] as number);
    matrix[i * n + i] = signal + noise;
  }
  const factor = Cholesky.factor(matrix, n);
  if (!factor) return undefined;
  const alpha = factor.solve(Float64Array.from(y));
  let value = 0.5 * factor.logDeterminant;
  for (let i = 0; i < n; i++) value += 0.5 * (y[i] as number) * (alpha[i] as number);
  const inverse = factor.inverse();
  const gradient = new Float64Array(d + 2);
  // Half the trace of (K⁻¹ - ααᵀ) dK/dθ. Each pair stands for two entries.
  const weights = new Float64Array(pairs);
  at = 0;
  let bySignal = 0;
  let trace = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++, at++) {
      const factorOfPair = (inverse[i * n + j] as number) - (alpha[i] as number) * (alpha[j] as number);
      weights[at] = factorOfPair * signal * matern52Slope(total[at] as number);
      bySignal += factorOfPair * signal * matern52(total[at] as number);
    }
    trace += (inverse[i * n + i] as number) - (alpha[i] as number) ** 2;
  }
  for (let index = 0; index < d; index++) {
    const steps = squares[index] as Float64Array;
    let sum = 0;
    for (let pair = 0; pair < pairs; pair++) sum += (weights[pair] as number) * (steps[pair] as number);
    gradient[index] = sum * (inverseSquares[index] as number);
  }
  gradient[signalAt(d)] = bySignal + 0.5 * signal * trace;
  gradient[noiseAt(d)] = (theta[noiseAt(d)] as number) < leastLogNoise ? 0 : 0.5 * noise * trace;
  for (const [index, { mean, deviation }] of priors(d).entries()) {
    const off = ((theta[index] as number) - mean) / deviation;
    value += 0.5 * off * off;
    gradient[index] = (gradient[index] as number) + off / deviation;
  }
  return Number.isFinite(value) ? { value, gradient } : undefined;
}
