/** Positions in the parameter block of factorization-machines.as.ts, as indices of 32-bit integers. */
export const parameter = {
  rows: 0,
  stride: 1,
  loss: 2,
  offsets: 3,
  columns: 4,
  values: 5,
  labels: 6,
  scores: 7,
  losses: 8,
  slopes: 9,
  sums: 10,
  weights: 11,
  moments: 12,
  slots: 13,
  buckets: 14,
  counts: 15,
  gradients: 16,
  squares: 17,
  touched: 18,
  rates: 19,
  decays: 20,
  bias: 21,
  stamp: 22,
  width: 23,
} as const;

/** Positions of single-precision numbers in the same block. */
export const number = { scale: 24, clip: 25, epsilon: 26, correction: 27, biasRate: 28, biasDecay: 29 } as const;

export const parameterCount = 30;

export const commands = { train: 1, score: 2 } as const;

export const losses = { squared: 0, logistic: 1 } as const;

/** An entry in a bucket: column, row and value. */
export const bucketBytes = 12;
/** A feature's mini-batch and its place among those that occur in it. */
export const slotBytes = 8;

/** Floats of a feature: its linear weight, its factors, and zeros up to a multiple of four. */
export function strideOf(factors: number): number {
  return Math.ceil((1 + factors) / 4) * 4;
}

/** Bytes of a thread's line in `counts`. */
export function countsPitch(threads: number): number {
  return (Math.ceil(threads / 16) * 16 + 16) * 4;
}
