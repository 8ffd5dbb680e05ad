/** What a network is made for. */
export interface NetworkShape {
  readonly vectorDim: number;
  /** Fully connected layers between the first one, which takes bits, and the vector. */
  readonly layers: number;
  /** Random and shuffled addresses for each row. */
  readonly randoms: number;
  readonly shuffles: number;
  /** Most rows of a mini-batch. */
  readonly rows: number;
}

/** A mini-batch, and what came of it. */
export interface Batch {
  /** Shape (rows, 3, stride): vectors of the entities in the batch, each once, with Adam's two moments. */
  readonly table: Float32Array;
  /** Shape (rows): place of each row's entity in the table. */
  readonly entityOf: Int32Array;
  /** Shape (entities + 1): where the rows of each entity begin in `groupRows`. */
  readonly groups: Int32Array;
  readonly groupRows: Int32Array;
  /** Shape (rows (1 + randoms)): addresses of the rows, then the random ones of the first row, and so on. */
  readonly addresses: Uint32Array;
  /** Shape (shuffles): how far along the row lies whose address is taken, less than the number of rows. */
  readonly offsets: Int32Array;
  /** Shape (rows): summed cross entropy of a row's pairs, and how many of them have the right sign. */
  readonly losses: Float64Array;
  readonly hits: Int32Array;
  /** Dot products: of rows with their addresses, then with those after them. */
  readonly scores: Float32Array;
}

/** How much of a batch there is. */
export interface BatchSize {
  readonly rows: number;
  readonly entities: number;
  readonly randoms: number;
  readonly shuffles: number;
}

/** How weights move: Adam's step, counted from 1. */
export interface Step {
  readonly rate: number;
  readonly decay: number;
  readonly step: number;
}

/** The encoder of addresses and the entities of one mini-batch. Memory is taken once. */
export interface Network {
  /** Floats of a vector: the dimension, rounded up to a multiple of 8. What is beyond it is zero. */
  readonly stride: number;
  /** Shape (33, stride), 32 bits and a bias, then (layers, stride + 1, stride), inputs and a bias. */
  readonly weights: Float32Array;
  readonly batch: Batch;
  /** Moves the batch's entities and the weights one step; writes `losses` and `hits`. */
  train(size: BatchSize, step: Step): void;
  /** Makes weights that were changed ready for `score`. */
  prepare(): void;
  /** Writes `scores` of so many rows, each with `1 + others` addresses: those of the rows first. */
  score(rows: number, others: number): void;
  /** The vector of the i-th address that was scored last, shape (stride); until the next call. */
  vector(i: number): Float32Array;
  close(): Promise<void>;
}

/** Floats of a vector. */
export function strideOf(vectorDim: number): number {
  return Math.ceil(vectorDim / 8) * 8;
}

/** Rows of all weights, biases included. */
export function weightRows(layers: number, stride: number): number {
  return 33 + layers * (stride + 1);
}

/** Addresses of a batch at most: scoring takes one besides that of each row. */
export function mostEncodings({ rows, randoms }: Pick<NetworkShape, "rows" | "randoms">): number {
  return rows * (1 + Math.max(randoms, 1));
}

/** Memory of a network in bytes. */
export function networkBytes(shape: NetworkShape): number {
  const stride = strideOf(shape.vectorDim);
  const { rows, layers, randoms, shuffles } = shape;
  const vectors = mostEncodings(shape) * (layers + 3) + rows * 3 + 2 * 1024;
  const weights = 4 * weightRows(layers, stride) + layers * stride;
  return 4 * (stride * (vectors + weights) + rows * (1 + randoms + shuffles) + 2 * mostEncodings(shape) + 8 * rows);
}
