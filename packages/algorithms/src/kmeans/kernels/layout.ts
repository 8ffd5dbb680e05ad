/** Positions in the parameter block of kmeans.as.ts, as indices of 32-bit integers. */
export const parameter = {
  x: 0,
  rows: 1,
  width: 2,
  stride: 3,
  count: 4,
  packed: 5,
  centres: 6,
  labels: 7,
  distances: 8,
  sums: 9,
  counts: 10,
  costs: 11,
  scratch: 12,
} as const;

export const parameterCount = 13;

export const commands = { assign: 1, assignAndSum: 2 } as const;

/** Working memory of a thread: four lanes of scores and of indices for 64 rows, and three that a ragged end may touch. */
export const scratchBytes = (64 + 3) * 32;
