/** Memory for rows: of features (floats with a stride), or of codes (bytes). */
export interface Block {
  /** Rows that there is room for. */
  readonly rows: number;
  /** Shape (rows, rowBytes). */
  readonly bytes: Uint8Array;
  /** The same memory as floats; empty for codes. */
  readonly floats: Float32Array;
  /** Half the squared norm of each row, which `measure` writes. */
  readonly halves: Float32Array;
  /** What a row is called in results. */
  readonly ids: Int32Array;
}

/** Consecutive rows of a block. */
export interface Run {
  readonly block: Block;
  readonly first: number;
  readonly count: number;
}

export type Metric = "L2" | "INNER_PRODUCT";

/** What a batch of queries is for. */
export interface BatchSize {
  /** Features of a row. */
  readonly width: number;
  /** Neighbours that are looked for. */
  readonly k: number;
  /** Most queries at a time. */
  readonly capacity: number;
  readonly metric: Metric;
}

/** A product quantizer and the centroid whose residuals the codes stand for. */
export interface CodeScan {
  /** Shape (parts, width / parts, 256): codewords of a part lie side by side, so that one load takes four. */
  readonly codebook: Area;
  /** Shape (width,). */
  readonly centroid: Area;
  readonly parts: number;
}

/** Floats in the memory that a scanner works on. */
export interface Area {
  readonly values: Float32Array;
}

/**
 * Queries that are asked together, and the nearest of the rows that they were shown. Neighbours are ordered by distance,
 * equally far ones by id. The distance is the squared Euclidean one, or the product's negative.
 */
export interface QueryBatch {
  /** Shape (capacity, stride), row-major; columns from the width on stay zero. */
  readonly queries: Float32Array;
  /** Queries that `scan` is for when it is given their number. */
  readonly chosen: Int32Array;
  /** How many neighbours each query has found, up to k. */
  readonly counts: Int32Array;
  /** Shape (capacity, k); in order after `finish`. */
  readonly distances: Float64Array;
  /** Shape (capacity, k). */
  readonly found: Int32Array;
  /** Forgets what was found; the first `count` queries are asked now. */
  begin(count: number): void;
  /** Shows rows to all queries, or to the first so many of `chosen`. */
  scan(run: Run, chosen?: number): void;
  /** The same with rows that are codes. */
  scanCodes(run: Run, codes: CodeScan, chosen?: number): void;
  /** Puts neighbours in order, nearest first. */
  finish(): void;
}

/** Finds the nearest of rows, exactly: what it finds depends neither on threads nor on other queries. */
export interface Scanner {
  /** What computes large products: for logs and benchmarks. */
  readonly kind: string;
  block(rows: number, rowBytes: number): Block;
  area(floats: number): Area;
  /** Writes `halves` of rows of features. */
  measure(run: Run): void;
  /** Products of `count` rows with those of a matrix of the same stride: `output[i, r] = rows[i] . matrix[r]`. */
  project(project: Projection): void;
  batch(size: BatchSize): QueryBatch;
  close(): Promise<void>;
}

/** Rows and matrix as a projection takes them. */
export interface Projection {
  /** Shape (count, strideOf(width)). */
  readonly rows: Area;
  readonly count: number;
  readonly width: number;
  /** Shape (target, strideOf(width)). */
  readonly matrix: Area;
  readonly target: number;
  /** Shape (count, strideOf(target)). */
  readonly output: Area;
}
