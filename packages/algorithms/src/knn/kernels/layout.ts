/** Positions in the parameter block of knn.as.ts, as indices of 32-bit numbers. */
export const parameter = {
  rows: 0,
  halves: 1,
  ids: 2,
  count: 3,
  width: 4,
  rowBytes: 5,
  queries: 6,
  squares: 7,
  norms: 8,
  thresholds: 9,
  counts: 10,
  distances: 11,
  found: 12,
  k: 13,
  chosen: 14,
  total: 15,
  isL2: 16,
  codebook: 17,
  centroid: 18,
  parts: 19,
  partWidth: 20,
  tables: 21,
  output: 22,
  outputBytes: 23,
  products: 24,
  productBytes: 25,
} as const;

export const parameterCount = 26;

export const commands = { measure: 1, begin: 2, scan: 3, scanCodes: 4, finish: 5, project: 6, sift: 7 } as const;

/** Codewords of a part of a product quantizer: codes are bytes. */
export const codewords = 256;
