import { node } from "./kernels/layout.ts";

/** How many trees there are, and how many points each has. */
export interface ForestSize {
  readonly trees: number;
  readonly samples: number;
}

/** The trees, as `kernels/layout.ts` lays them out. */
export interface Trees extends ForestSize {
  /** Shape (trees, samples): which points a tree has. Growing it brings those of each subtree together. */
  readonly order: Int32Array;
  /** Shape (trees, 2 samples - 1, 8). */
  readonly nodes: Int32Array;
  /** The same memory in single precision, for cuts. */
  readonly cuts: Float32Array;
  /** Nodes of each tree: fewer than there is room for where points are the same. */
  readonly counts: Int32Array;
}

/** Rows to score, and their scores. */
export interface ScoreArea {
  /** Shape (rows, stride), row-major; the columns from the width on stay zero. */
  readonly values: Float32Array;
  readonly scores: Float64Array;
}

/** Random cut trees over points. Memory is taken once, and lasts as long as the forest. */
export interface Forest {
  /** Floats from one point to the next: the width, rounded up to a multiple of 4. */
  readonly stride: number;
  /** Makes room for points, once. @returns Shape (count, stride), zeroed. */
  points(count: number): Float32Array;
  /** Makes room for trees over the points, once; they are to be grown, or to be filled in and then measured. */
  plant(size: ForestSize): Trees;
  /**
   * Grows every tree over the points that its `order` names.
   * @param uniforms - Shape (trees, samples - 1, 2), each in [0, 1): which side a cut falls on, and where.
   * @see Guha, Mishra, Roy, Schrijvers (2016), Robust Random Cut Forest Based Anomaly Detection on Streams, ICML.
   */
  grow(uniforms: Float64Array): void;
  /** Finds the boxes of trees that were filled in. */
  measure(): void;
  /** Makes room for rows. */
  area(rows: number): ScoreArea;
  /** Writes the scores of the first rows of an area. */
  score(area: ScoreArea, rows: number): void;
  close(): Promise<void>;
}

/** Memory of a forest in bytes: points, boxes, nodes, order and random numbers. */
export function forestBytes(width: number, points: number): number {
  const stride = strideOf(width);
  return points * (4 * stride + 2 * 4 * stride + 2 * 4 * node.size + 4 + 16);
}

/** Floats from one point to the next. */
export function strideOf(width: number): number {
  return Math.ceil(width / 4) * 4;
}
