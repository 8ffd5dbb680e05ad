import type { Distribution, Spread } from "../metrics/distribution.ts";

/** Buckets for each doubling: neighbours are 19 % apart, so that a percentile is at most 9 % off. */
const perDoubling = 4;
/** The first bucket has everything up to this, in milliseconds. */
const leastMs = 1 / 64;
/** Up to 17 minutes, which is longer than any model may take. */
const buckets = 26 * perDoubling + 2;

/** Durations of one kind, counted in buckets of equal ratio: bounded memory however many come, one addition for each. */
export class LatencyHistogram {
  count = 0;
  sumMs = 0;
  leastMs = Number.POSITIVE_INFINITY;
  mostMs = 0;
  readonly counts: Float64Array;

  constructor(counts: Float64Array = new Float64Array(buckets)) {
    this.counts = counts;
  }

  add(milliseconds: number): void {
    this.count += 1;
    this.sumMs += milliseconds;
    if (milliseconds < this.leastMs) this.leastMs = milliseconds;
    if (milliseconds > this.mostMs) this.mostMs = milliseconds;
    const at = bucketOf(milliseconds);
    this.counts[at] = (this.counts[at] as number) + 1;
  }

  /** Adds what another has counted. */
  merge(other: LatencyHistogram): void {
    this.count += other.count;
    this.sumMs += other.sumMs;
    this.leastMs = Math.min(this.leastMs, other.leastMs);
    this.mostMs = Math.max(this.mostMs, other.mostMs);
    for (let at = 0; at < buckets; at++) this.counts[at] = (this.counts[at] as number) + (other.counts[at] as number);
  }

  /** What was counted since the last call, and begins anew. */
  take(): LatencyHistogram {
    const taken = new LatencyHistogram(this.counts.slice());
    Object.assign(taken, { count: this.count, sumMs: this.sumMs, leastMs: this.leastMs, mostMs: this.mostMs });
    this.counts.fill(0);
    Object.assign(this, { count: 0, sumMs: 0, leastMs: Number.POSITIVE_INFINITY, mostMs: 0 });
    return taken;
  }

  /** As metrics have it, in microseconds. There must be something. */
  microseconds(): Distribution {
    const { count, sumMs, leastMs, mostMs } = this;
    return { count, sum: sumMs * 1_000, min: leastMs * 1_000, max: mostMs * 1_000, spread: this.spread(1_000) };
  }

  /** The middle of each bucket that has something, and how much. @param unit - How many of the caller's units a millisecond has. */
  spread(unit: number): Spread {
    const spread: [value: number, count: number][] = [];
    for (const [at, count] of this.counts.entries()) {
      if (count > 0) spread.push([Math.min(this.mostMs, Math.max(this.leastMs, middleOf(at))) * unit, count]);
    }
    return spread;
  }

  /** How many took no longer than a bound, which must be a power of two of 1/64 ms to be exact. */
  upTo(boundMs: number): number {
    const last = bucketOf(boundMs);
    let sum = 0;
    for (let at = 0; at <= last; at++) sum += this.counts[at] as number;
    return sum;
  }
}

function bucketOf(milliseconds: number): number {
  if (!(milliseconds > leastMs)) return 0;
  // A bound that is a power of two belongs to the bucket below it, whatever rounding makes of its logarithm.
  const at = Math.ceil(Math.log2(milliseconds / leastMs) * perDoubling - 1e-9);
  return at < buckets ? at : buckets - 1;
}

/** The geometric middle. */
function middleOf(bucket: number): number {
  return leastMs * 2 ** ((bucket - 0.5) / perDoubling);
}
