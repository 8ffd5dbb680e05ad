import { confidence, type Difference, type Estimate } from "./interval.ts";
import { incompleteBeta, logGamma, normalCritical, normalTwoSided } from "./special-functions.ts";

/** How many of how many. */
export interface Share {
  readonly count: number;
  readonly of: number;
}

const z = normalCritical(confidence);

/**
 * A share with Wilson's score interval, which holds for few trials and shares near 0 and 1, where the usual
 * p ± z·sqrt(p(1-p)/n) does not (E. B. Wilson, JASA 22, 1927).
 */
export function shareInterval({ count, of: n }: Share): Estimate {
  if (n === 0) return { value: Number.NaN, low: 0, high: 1 };
  const share = count / n;
  const denominator = 1 + (z * z) / n;
  const middle = (share + (z * z) / (2 * n)) / denominator;
  const half = (z / denominator) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return {
    value: share,
    low: count === 0 ? 0 : Math.max(0, middle - half),
    high: count === n ? 1 : Math.min(1, middle + half),
  };
}

/** Where an expected count is smaller, the normal approximation of the test is not good enough. */
const leastExpected = 5;

/**
 * How much b's share is above a's: Newcombe's interval from both Wilson intervals (R. G. Newcombe, Statistics in Medicine
 * 17, 1998, method 10), and the pooled z test, or Fisher's exact test where counts are small.
 */
export function shareDifference(a: Share, b: Share): Difference {
  const [before, after] = [shareInterval(a), shareInterval(b)];
  const value = after.value - before.value;
  const low = value - Math.hypot(after.value - after.low, before.high - before.value);
  const high = value + Math.hypot(after.high - after.value, before.value - before.low);
  const pooled = (a.count + b.count) / (a.of + b.of);
  const least = Math.min(pooled, 1 - pooled) * Math.min(a.of, b.of);
  if (least < leastExpected) return { value, low, high, p: fisherExact(a, b), test: "Fisher's exact test" };
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / a.of + 1 / b.of));
  return { value, low, high, p: normalTwoSided(value / error), test: "z test of two proportions" };
}

/** Two-sided: all tables with the same sums that are at most as probable as the one seen. */
export function fisherExact(a: Share, b: Share): number {
  const [total, hits] = [a.of + b.of, a.count + b.count];
  const logOfAll = logChoose(total, hits);
  const probability = (count: number): number =>
    Math.exp(logChoose(a.of, count) + logChoose(b.of, hits - count) - logOfAll);
  const seen = probability(a.count);
  let p = 0;
  for (let count = Math.max(0, hits - b.of); count <= Math.min(a.of, hits); count++) {
    const each = probability(count);
    // Equal ones differ in their last bits.
    if (each <= seen * (1 + 1e-7)) p += each;
  }
  return Math.min(1, p);
}

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}

/**
 * McNemar's exact test of paired answers: of those where one of both is right, whether either is right too often.
 * @param onlyFirst - Pairs of which the first alone is right.
 */
export function mcnemarExact(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  if (n === 0) return 1;
  const most = Math.max(onlyFirst, onlySecond);
  // P(X >= most) of a fair coin thrown n times.
  return Math.min(1, 2 * incompleteBeta(0.5, most, n - most + 1));
}
