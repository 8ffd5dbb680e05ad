import type { VectorIndex } from "../index/vector-index.ts";
import { FlatSearcher } from "./flat-searcher.ts";
import { ListSearcher } from "./list-searcher.ts";
import type { Scanner } from "./scanner.ts";

/** What was found of some queries: shape (count, k), nearest first. */
export interface Neighbours {
  /** Squared Euclidean distance, or the product's negative. */
  readonly distances: Float64Array;
  readonly ids: Int32Array;
}

/** Finds the neighbours of queries in an index. */
export interface Searcher {
  /** Where queries go: shape (capacity, strideOf(width)), padded with zeros. */
  readonly queries: Float32Array;
  readonly capacity: number;
  /** @returns Neighbours of the first `count` queries; valid until the next call. */
  search(count: number): Neighbours;
}

/** Memory of a batch of queries with what is found of them. */
const batchBytes = 32 * 1024 * 1024;
const mostQueries = 4096;

/** Makes an index ready to be searched. @param k - Neighbours of each query, at most the rows of the index. */
export function openSearcher(scanner: Scanner, index: VectorIndex, k: number): Searcher {
  const capacity = Math.max(1, Math.min(mostQueries, Math.floor(batchBytes / (8 * index.width + 12 * k))));
  return index.kind === "flat"
    ? new FlatSearcher(scanner, index, k, capacity)
    : new ListSearcher(scanner, index, k, capacity);
}
