import { confidence, type Difference, type Estimate } from "./interval.ts";
import { studentCritical, studentTwoSided } from "./special-functions.ts";

/** What a mean's interval needs of its values. */
export interface Sample {
  readonly count: number;
  readonly mean: number;
  /** Unbiased: divided by count - 1; 0 for fewer than two values. */
  readonly variance: number;
}

/** Of values and how often each came. */
export function sampleOf(values: Iterable<readonly [value: number, count: number]>): Sample {
  let [count, mean, squares] = [0, 0, 0];
  // Welford's way: no large numbers that nearly cancel.
  for (const [value, times] of values) {
    count += times;
    const before = value - mean;
    mean += (before * times) / count;
    squares += before * (value - mean) * times;
  }
  return { count, mean, variance: count < 2 ? 0 : squares / (count - 1) };
}

/** Of plain values. */
export function sampleOfValues(values: readonly number[]): Sample {
  return sampleOf(values.map((value) => [value, 1] as const));
}

/** A mean with Student's interval. */
export function meanInterval({ count, mean, variance }: Sample): Estimate {
  if (count < 2) return { value: mean, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const half = studentCritical(confidence, count - 1) * Math.sqrt(variance / count);
  return { value: mean, low: mean - half, high: mean + half };
}

/**
 * How much b's mean is above a's: Welch's interval and test, which do not assume equal variances
 * (B. L. Welch, Biometrika 34, 1947).
 */
export function meanDifference(a: Sample, b: Sample): Difference {
  const value = b.mean - a.mean;
  const [ofA, ofB] = [a.variance / a.count, b.variance / b.count];
  const test = "Welch's t test";
  if (a.count < 2 || b.count < 2) {
    return { value, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, p: 1, test };
  }
  const error = Math.sqrt(ofA + ofB);
  if (error === 0) return { value, low: value, high: value, p: value === 0 ? 1 : 0, test };
  const degrees = (ofA + ofB) ** 2 / (ofA ** 2 / (a.count - 1) + ofB ** 2 / (b.count - 1));
  const half = studentCritical(confidence, degrees) * error;
  return { value, low: value - half, high: value + half, p: studentTwoSided(value / error, degrees), test };
}

/** Of differences within pairs: whether their mean is 0. */
export function pairedDifference(differences: Sample): Difference {
  const { count, mean, variance } = differences;
  const test = "paired t test";
  const { low, high } = meanInterval(differences);
  if (count < 2) return { value: mean, low, high, p: 1, test };
  const error = Math.sqrt(variance / count);
  if (error === 0) return { value: mean, low, high, p: mean === 0 ? 1 : 0, test };
  return { value: mean, low, high, p: studentTwoSided(mean / error, count - 1), test };
}
