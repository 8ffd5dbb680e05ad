/** Values and how often each came, in rising order of the values. */
export type Spread = readonly (readonly [value: number, count: number])[];

/** What is known of a set of values: exact totals, and their spread where percentiles can be told. */
export interface Distribution {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** Absent when only totals are known: of a statistic set, whose values nobody sent. */
  readonly spread?: Spread;
}

/** The most different values that a spread keeps apart; above it, neighbours are put together. */
const maxSpread = 256;

/** The distribution of values with their counts. None of them may be NaN; there must be one. */
export function distributionOf(values: Spread): Distribution {
  let [count, sum, min, max] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [value, times] of values) {
    count += times;
    sum += value * times;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { count, sum, min, max, spread: compress(sorted(values)) };
}

/** Both together. */
export function merge(a: Distribution, b: Distribution): Distribution {
  const spread = a.spread && b.spread && compress(sorted([...a.spread, ...b.spread]));
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    ...(spread && { spread }),
  };
}

/**
 * The value that `percent` of all values do not exceed (nearest rank), or `undefined` where only totals are known.
 * Exact up to 256 different values, within 1 % of the value or a small multiple of it above.
 */
export function percentile({ count, min, max, spread }: Distribution, percent: number): number | undefined {
  if (min === max) return min;
  if (!spread) return undefined;
  const rank = (percent / 100) * count;
  let seen = 0;
  for (const [value, times] of spread) {
    seen += times;
    if (seen >= rank) return Math.min(max, Math.max(min, value));
  }
  return max;
}

function sorted(values: Spread): Spread {
  const counts = new Map<number, number>();
  for (const [value, times] of values) counts.set(value, (counts.get(value) ?? 0) + times);
  return [...counts].sort(([a], [b]) => a - b);
}

/** Rounds values to powers of a base that is as close to 1 as the limit allows: the relative error is the same for all. */
function compress(spread: Spread): Spread {
  let small = spread;
  for (let error = 0.01; small.length > maxSpread; error *= 2) {
    small = sorted(spread.map(([value, times]) => [rounded(value, error), times] as const));
  }
  return small;
}

function rounded(value: number, error: number): number {
  if (value === 0) return 0;
  const base = (1 + error) / (1 - Math.min(error, 0.99));
  const bucket = Math.ceil(Math.log(Math.abs(value)) / Math.log(base));
  return (Math.sign(value) * (2 * base ** bucket)) / (base + 1);
}
