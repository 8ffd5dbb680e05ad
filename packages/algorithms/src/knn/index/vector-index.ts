import type { Metric } from "../search/scanner.ts";
import type { RowStore } from "./row-store.ts";

interface Indexed {
  /** Features of an indexed row. */
  readonly width: number;
  readonly metric: Metric;
  /** Rows of features (float32, padded to a multiple of 4), or of codes. */
  readonly rows: RowStore;
}

/** Rows in the order of their ids, which begin at 0. */
export interface FlatIndex extends Indexed {
  readonly kind: "flat";
}

/** Rows in lists, one for each centroid; a search looks into those whose centroids are nearest. */
export interface InvertedLists extends Indexed {
  /** Shape (lists, strideOf(width)). */
  readonly centroids: RowStore;
  /** Lists that a search looks into. */
  readonly probes: number;
  /** List l has the rows from `offsets[l]` up to `offsets[l + 1]`. */
  readonly offsets: Float64Array;
}

/** Lists of rows as they are. */
export interface IvfFlatIndex extends InvertedLists {
  readonly kind: "ivf-flat";
}

/**
 * Lists of codes: for each part of a row's difference from its centroid, which of 256 codewords is nearest.
 * @see Jégou, Douze and Schmid (2011), Product quantization for nearest neighbor search, IEEE TPAMI 33(1).
 */
export interface IvfPqIndex extends InvertedLists {
  readonly kind: "ivf-pq";
  readonly parts: number;
  /** Shape (parts, 256, width / parts), as FAISS keeps it. */
  readonly codewords: Float32Array;
}

/** What is searched. The ids of rows are in the blocks of `rows`. */
export type VectorIndex = FlatIndex | IvfFlatIndex | IvfPqIndex;
