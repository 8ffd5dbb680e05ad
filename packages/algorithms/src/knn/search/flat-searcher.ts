import type { FlatIndex } from "../index/vector-index.ts";
import { centre, originOf } from "./origin.ts";
import type { QueryBatch, Scanner } from "./scanner.ts";
import type { Neighbours, Searcher } from "./searcher.ts";

/** Looks at every row. */
export class FlatSearcher implements Searcher {
  readonly queries: Float32Array;
  readonly capacity: number;
  readonly #index: FlatIndex;
  readonly #batch: QueryBatch;
  readonly #origin: Float64Array | undefined;

  /** Takes the index over: where single precision needs it, its rows are moved nearer to zero. */
  constructor(scanner: Scanner, index: FlatIndex, k: number, capacity: number) {
    const { width, metric, rows } = index;
    this.#index = index;
    this.capacity = capacity;
    this.#origin = metric === "L2" ? originOf(rows, width) : undefined;
    for (const run of rows.runs()) {
      if (this.#origin !== undefined) centre(run.block.floats, run.first, run.count, this.#origin);
      scanner.measure(run);
    }
    this.#batch = scanner.batch({ width, k, capacity, metric });
    this.queries = this.#batch.queries;
  }

  search(count: number): Neighbours {
    if (this.#origin !== undefined) centre(this.queries, 0, count, this.#origin);
    this.#batch.begin(count);
    for (const run of this.#index.rows.runs()) this.#batch.scan(run);
    this.#batch.finish();
    return { distances: this.#batch.distances, ids: this.#batch.found };
  }
}
