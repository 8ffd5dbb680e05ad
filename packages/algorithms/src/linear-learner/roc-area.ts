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
  #scores: [negatives: Float32Array[], positives: Float32Array[]] | undefined = [[], []];
  #kept = 0;
  #counts: readonly [negatives: Uint32Array, positives: Uint32Array] | undefined;

  constructor(most = mostScores) {
    this.#most = most;
  }

  add(scores: Float32Array, labels: Float32Array): void {
    const negatives = scores.filter((_, i) => labels[i] !== 1);
    const positives = scores.filter((_, i) => labels[i] === 1);
    if (this.#scores === undefined) {
      this.#count(0, negatives);
      this.#count(1, positives);
      return;
    }
    this.#scores[0].push(negatives);
    this.#scores[1].push(positives);
    this.#kept += scores.length;
    if (this.#kept > this.#most) this.#startCounting();
  }

  /** @returns NaN when one class is missing. */
  area(): number {
    if (this.#scores !== undefined) return exactArea(join(this.#scores[1]), join(this.#scores[0]));
    const [negatives, positives] = this.#counts ?? [];
    let [below, above, wins] = [0, 0, 0];
    negatives?.forEach((count, range) => {
      const winners = positives?.[range] ?? 0;
      wins += winners * (below + count / 2);
      below += count;
      above += winners;
    });
    return wins / (below * above);
  }

  #startCounting(): void {
    const kept = this.#scores ?? [];
    this.#scores = undefined;
    this.#counts = [new Uint32Array(2 ** bitsOfRange), new Uint32Array(2 ** bitsOfRange)];
    kept.forEach((parts, label) => {
      for (const part of parts) this.#count(label, part);
    });
  }

  #count(label: number, scores: Float32Array): void {
    const counts = this.#counts?.[label];
    if (counts === undefined) return;
    for (const score of scores) {
      const range = rangeOf(score);
      counts[range] = (counts[range] as number) + 1;
    }
  }
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

function join(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
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
