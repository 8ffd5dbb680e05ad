/** Scores that are kept one by one, and how many ranges there are for those of more rows: 2^22 each. */
const mostScores = 4_194_304;
const bitsOfRange = 22;

/**
 * Probability that a positive row scores above a negative one, ties counting half (the Mann-Whitney statistic). Exact
 * for the first four million rows; with more, scores count as tied when they agree in their first 22 bits, which is
 * 13 of the 23 of a float's fraction. So it takes 32 MiB at most.
 */
export class RocArea {
  readonly #most: number;
  #negatives: Float32Array = new Float32Array(1024);
  #positives: Float32Array = new Float32Array(1024);
  #negativeCount = 0;
  #positiveCount = 0;
  /** Rows in each range, once there are more than are kept one by one. */
  #ranges: { readonly negatives: Uint32Array; readonly positives: Uint32Array } | undefined;

  constructor(most = mostScores) {
    this.#most = most;
  }

  add(score: number, isPositive: boolean): void {
    if (this.#ranges !== undefined) {
      count(score, isPositive ? this.#ranges.positives : this.#ranges.negatives);
      return;
    }
    if (isPositive) {
      this.#positives = withRoom(this.#positives, this.#positiveCount);
      this.#positives[this.#positiveCount++] = score;
    } else {
      this.#negatives = withRoom(this.#negatives, this.#negativeCount);
      this.#negatives[this.#negativeCount++] = score;
    }
    if (this.#positiveCount + this.#negativeCount > this.#most) this.#startCounting();
  }

  /** @returns NaN when one class is missing. */
  area(): number {
    if (this.#ranges !== undefined) return areaOfRanges(this.#ranges);
    return exactArea(
      this.#positives.subarray(0, this.#positiveCount),
      this.#negatives.subarray(0, this.#negativeCount),
    );
  }

  #startCounting(): void {
    this.#ranges = { negatives: new Uint32Array(2 ** bitsOfRange), positives: new Uint32Array(2 ** bitsOfRange) };
    for (let i = 0; i < this.#positiveCount; i++) count(this.#positives[i] as number, this.#ranges.positives);
    for (let i = 0; i < this.#negativeCount; i++) count(this.#negatives[i] as number, this.#ranges.negatives);
    this.#positives = this.#negatives = new Float32Array();
  }
}

function withRoom(values: Float32Array, count: number): Float32Array {
  if (count < values.length) return values;
  const larger = new Float32Array(2 * values.length);
  larger.set(values);
  return larger;
}

function count(score: number, ranges: Uint32Array): void {
  const range = rangeOf(score);
  ranges[range] = (ranges[range] as number) + 1;
}

function areaOfRanges({ negatives, positives }: { readonly negatives: Uint32Array; readonly positives: Uint32Array }) {
  let below = 0;
  let above = 0;
  let wins = 0;
  for (let range = 0; range < negatives.length; range++) {
    const losers = negatives[range] as number;
    const winners = positives[range] as number;
    wins += winners * (below + losers / 2);
    below += losers;
    above += winners;
  }
  return wins / (below * above);
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Number of a score's range; ranges are in the order of scores. */
function rangeOf(score: number): number {
  float[0] = score + 0; // -0 and 0 are equal
  const pattern = bits[0] as number;
  const ordered = pattern >= 0x8000_0000 ? ~pattern : pattern | 0x8000_0000;
  return ordered >>> (32 - bitsOfRange);
}

/** Sorts its arguments. */
function exactArea(positives: Float32Array, negatives: Float32Array): number {
  positives.sort();
  negatives.sort();
  let below = 0;
  let ties = 0;
  let wins = 0;
  for (let p = 0, q = 0, r = 0; p < positives.length; p++) {
    const score = positives[p] as number;
    while (q < negatives.length && (negatives[q] as number) < score) q++;
    r = Math.max(r, q);
    while (r < negatives.length && (negatives[r] as number) === score) r++;
    below = q;
    ties = r - q;
    wins += below + ties / 2;
  }
  return wins / (positives.length * negatives.length);
}
