/**
 * The logarithm of how much lower than `best` a normally distributed value is expected to be, counting only what is lower.
 * Its logarithm, because far from any hope the improvement itself is 0 to a double, and all places look alike
 * (Ament et al. 2023, Unexpected improvements to expected improvement).
 */
export function logExpectedImprovement(best: number, mean: number, deviation: number): number {
  return Math.log(deviation) + logGain((best - mean) / deviation);
}

/** log(φ(z) + z Φ(z)) for a standard normal distribution. */
function logGain(z: number): number {
  if (z > -2) return Math.log(density(z) + z * cumulative(z));
  // Laplace's continued fraction of Mills' ratio, 1 / (t + c), leaves a form without a difference of near-equal numbers.
  const t = -z;
  let c = 0;
  for (let term = 60; term >= 1; term--) c = term / (t + c);
  return -0.5 * z * z - 0.5 * Math.log(2 * Math.PI) + Math.log(c / (t + c));
}

function density(z: number): number {
  return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
}

/** Φ(z) for z > -2, by its series about 0; beyond 8 it is 1. */
function cumulative(z: number): number {
  if (z > 8) return 1;
  let term = z;
  let sum = z;
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    term *= (z * z) / k;
    sum += term;
  }
  return 0.5 + density(z) * sum;
}

/** The logarithm of the mean of numbers that are given by their logarithms. */
export function logMeanExp(logs: Float64Array): number {
  const top = Math.max(...logs);
  if (!Number.isFinite(top)) return top;
  let sum = 0;
  for (const log of logs) sum += Math.exp(log - top);
  return top + Math.log(sum / logs.length);
}
