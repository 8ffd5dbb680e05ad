import type { RandomStream } from "../numerics/random.ts";

/** Rows to choose from: some of an area, with weights where they stand for more than one row. */
export interface Points {
  /** Shape (count, stride). */
  readonly values: Float32Array;
  readonly count: number;
  readonly width: number;
  readonly stride: number;
  readonly weights?: Float64Array | undefined;
}

export type StartMethod = "random" | "kmeans++";

/**
 * Chooses k of the points as centres.
 * @returns Shape (k, width).
 */
export function initialCentres(points: Points, k: number, method: StartMethod, random: RandomStream): Float64Array {
  const picks = method === "random" ? distinct(points.count, k, random) : spread(points, k, random);
  const { values, width, stride } = points;
  const centres = new Float64Array(k * width);
  for (const [c, i] of picks.entries()) {
    for (let j = 0; j < width; j++) centres[c * width + j] = values[i * stride + j] as number;
  }
  return centres;
}

/** k different numbers below `count`, each set of them as likely (the beginning of a Fisher-Yates shuffle). */
export function distinct(count: number, k: number, random: RandomStream): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = 0; i < k; i++) {
    const other = i + Math.floor(random.uniform() * (count - i));
    const picked = order[other] as number;
    order[other] = order[i] as number;
    order[i] = picked;
  }
  return order.subarray(0, k);
}

/**
 * k-means++: each centre is drawn with a probability in proportion to its weight times the squared distance to the
 * nearest centre so far.
 * @see Arthur and Vassilvitskii (2007), k-means++: the advantages of careful seeding, SODA.
 */
function spread(points: Points, k: number, random: RandomStream): Uint32Array {
  const { count, weights } = points;
  const picks = new Uint32Array(k);
  const nearest = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const shares = weights === undefined ? new Float64Array(count).fill(1) : Float64Array.from(weights);
  for (let c = 0; c < k; c++) {
    const pick = draw(shares, random);
    picks[c] = pick;
    for (let i = 0; i < count; i++) {
      const distance = squaredDistance(points, i, pick);
      if (distance >= (nearest[i] as number)) continue;
      nearest[i] = distance;
      shares[i] = distance * (weights === undefined ? 1 : (weights[i] as number));
    }
  }
  return picks;
}

/** An index with a probability in proportion to its share; any, where no index has a share. */
function draw(shares: Float64Array, random: RandomStream): number {
  let total = 0;
  for (const share of shares) total += share;
  const uniform = random.uniform();
  if (!(total > 0)) return Math.floor(uniform * shares.length);
  let left = uniform * total;
  let last = 0;
  for (let i = 0; i < shares.length; i++) {
    if (shares[i] === 0) continue;
    last = i;
    left -= shares[i] as number;
    if (left < 0) return i;
  }
  return last; // rounding left a little over
}

function squaredDistance({ values, width, stride }: Points, a: number, b: number): number {
  let sum = 0;
  for (let j = 0; j < width; j++) {
    const difference = (values[a * stride + j] as number) - (values[b * stride + j] as number);
    sum += difference * difference;
  }
  return sum;
}
