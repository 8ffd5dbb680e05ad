/** Byte offsets in the parameter block of linear-learner.as.ts, which has the same table. */
export const parameterOffsets = {
  mode: 0,
  x: 4,
  y: 8,
  rows: 12,
  batch: 16,
  stride: 20,
  columns: 24,
  weights: 28,
  first: 32,
  second: 36,
  gradients: 40,
  gradientBytes: 44,
  losses: 48,
  chunks: 52,
  tiles: 56,
  tileBytes: 60,
  out: 64,
  loss: 68,
  lossParameter: 72,
  columnsPerModel: 76,
  classWeights: 84,
  positiveWeights: 88,
  optimizer: 92,
  beta1: 96,
  beta2: 100,
  momentum: 104,
  epsilon: 108,
  biasLrMult: 112,
  biasWdMult: 116,
  useBias: 120,
  lr: 124,
  lrMinimum: 128,
  lrFactor: 132,
  lrStep: 136,
  lrCount: 140,
  l1: 144,
  wd: 148,
  betaPowers: 160,
  mask: 180,
  offsets: 184,
  indices: 188,
  values: 192,
  stamps: 196,
  touched: 200,
  batches: 204,
} as const;

/** Bytes of a parameter block. */
export const PARAMETER_BYTES = 208;

/** Parameters that are floats; the others are integers or addresses. */
export const floatParameters = [
  "lossParameter",
  "beta1",
  "beta2",
  "momentum",
  "epsilon",
  "biasLrMult",
  "biasWdMult",
] as const;

/** Rows of a tile, as in the kernel. */
export const TILE_ROWS = 64;

/** Commands of the kernel's threads. */
export const commands = { run: 1, stage: 2, runSparse: 3 } as const;

/** Modes of the `run` command. */
export const modes = { train: 0, evaluate: 1 } as const;
