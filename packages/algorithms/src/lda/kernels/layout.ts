/** Positions in the parameter block of topics.as.ts, as indices of 32-bit numbers. */
export const parameter = {
  lines: 0,
  stride: 1,
  offsets: 2,
  indices: 3,
  counts: 4,
  input: 5,
  output: 6,
  prior: 7,
  likelihoods: 8,
  iterations: 9,
  scratch: 11,
} as const;

/** Position of the one float among them. */
export const tolerancePosition = 10;

export const parameterCount = 12;

export const commands = { infer: 1, collect: 2, multiply: 3 } as const;
