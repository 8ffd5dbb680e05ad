/** Positions in the parameter block of ipinsights.as.ts, as indices of 32-bit numbers. */
export const parameter = {
  rows: 0,
  randoms: 1,
  shuffles: 2,
  stride: 3,
  layers: 4,
  entities: 5,
  /** Shape (unique, 3, stride): vector and Adam's two moments. */
  table: 6,
  /** Shape (rows): which of the unique entities. */
  entityOf: 7,
  /** Shape (unique + 1), then (rows): rows of each entity. */
  groups: 8,
  groupRows: 9,
  /** Shape (rows (1 + randoms)): addresses, those of the rows first. */
  addresses: 10,
  /** Shape (shuffles): how far along the row lies whose address is taken. */
  offsets: 11,
  /** Shape (4, 256, stride): what each octet adds to the first layer. */
  octets: 12,
  octetGradients: 13,
  /** Shape (layers + 1, encodings, stride). */
  hidden: 14,
  /** Two of shape (encodings, stride). */
  deltas: 15,
  /** Shape (pairs): derivatives of the loss. */
  slopes: 16,
  /** Shape (rows): loss of a row's pairs, and how many were told right. */
  losses: 17,
  hits: 18,
  /** Shape (33, stride), then (layers, stride + 1, stride): weights and biases; the same for gradients and moments. */
  weights: 19,
  gradients: 20,
  firsts: 21,
  seconds: 22,
  /** Shape (layers, stride, stride): weights the other way round. */
  transposed: 23,
  /** Shape (encodings): dot products, where rows are only scored. */
  scores: 24,
  /** Single precision from here on. */
  rate: 25,
  decay: 26,
  correction: 27,
} as const;

export const parameterCount = 28;

export const commands = { train: 1, prepare: 2, score: 3 } as const;
