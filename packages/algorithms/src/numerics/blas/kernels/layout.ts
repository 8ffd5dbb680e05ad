/** Positions in the parameter block of products.as.ts, as indices of 32-bit numbers. */
export const parameter = {
  a: 0,
  b: 1,
  c: 2,
  m: 3,
  n: 4,
  k: 5,
  aRow: 6,
  aColumn: 7,
  bRow: 8,
  bColumn: 9,
  cRow: 10,
  isUpper: 11,
  packedB: 12,
  packedA: 13,
} as const;

/** Positions of the two floats behind them. */
export const scalePosition = { alpha: 14, beta: 15 } as const;

export const parameterCount = 16;

/** The kernel's one command. */
export const multiplyCommand = 1;

/** Depth of a block, columns of a block of b, rows that a thread packs of a: as in the kernel. */
const depth = 256;
const blockColumns = 1024;
const chunkRows = 32;

/** A tile of 4 x 8 that lies across an edge. */
const tileBytes = 128;

export const packedBytes = { b: depth * blockColumns * 4, aOfThread: depth * chunkRows * 4 + tileBytes } as const;
