import type { IvfFlatIndex, IvfPqIndex } from "../index/vector-index.ts";
import { codebookOf } from "./codebook.ts";
import { centre, originOf } from "./origin.ts";
import type { CodeScan, QueryBatch, Scanner } from "./scanner.ts";
import type { Neighbours, Searcher } from "./searcher.ts";
import { strideOf } from "./stride.ts";

/** Looks into the lists whose centroids are nearest, and into all others where those hold too few rows. */
export class ListSearcher implements Searcher {
  readonly queries: Float32Array;
  readonly capacity: number;
  readonly #index: IvfFlatIndex | IvfPqIndex;
  readonly #batch: QueryBatch;
  /** Finds the lists of each query. */
  readonly #coarse: QueryBatch;
  readonly #k: number;
  readonly #probes: number;
  readonly #origin: Float64Array | undefined;
  /** Looks through some rows of a list. */
  readonly #scanList: (list: number, chosen: number) => void;

  /** Takes the index over, as FlatSearcher does. */
  constructor(scanner: Scanner, index: IvfFlatIndex | IvfPqIndex, k: number, capacity: number) {
    const { width, metric, centroids } = index;
    this.#index = index;
    this.capacity = capacity;
    this.#k = k;
    this.#probes = Math.min(index.probes, centroids.count);
    this.#batch = scanner.batch({ width, k, capacity, metric });
    this.#coarse = scanner.batch({ width, k: this.#probes, capacity, metric });
    this.#origin = metric === "L2" ? originOf(centroids, width) : undefined;
    for (const run of centroids.runs()) {
      if (this.#origin !== undefined) centre(run.block.floats, run.first, run.count, this.#origin);
      scanner.measure(run);
    }
    this.#scanList = index.kind === "ivf-flat" ? this.#openRows(scanner, index) : this.#openCodes(scanner, index);
    this.queries = this.#batch.queries;
  }

  search(count: number): Neighbours {
    if (this.#origin !== undefined) centre(this.queries, 0, count, this.#origin);
    this.#coarse.queries.set(this.queries.subarray(0, count * strideOf(this.#index.width)));
    this.#coarse.begin(count);
    for (const run of this.#index.centroids.runs()) this.#coarse.scan(run);
    this.#batch.begin(count);
    this.#scanNearest(count);
    this.#scanOthers(count);
    this.#batch.finish();
    return { distances: this.#batch.distances, ids: this.#batch.found };
  }

  #openRows(scanner: Scanner, { rows, offsets }: IvfFlatIndex): (list: number, chosen: number) => void {
    for (const run of rows.runs()) {
      if (this.#origin !== undefined) centre(run.block.floats, run.first, run.count, this.#origin);
      scanner.measure(run);
    }
    return (list, chosen) => {
      const first = offsets[list] as number;
      for (const run of rows.runs(first, (offsets[list + 1] as number) - first)) this.#batch.scan(run, chosen);
    };
  }

  #openCodes(scanner: Scanner, index: IvfPqIndex): (list: number, chosen: number) => void {
    const { rows, offsets, centroids, width, parts } = index;
    const stride = strideOf(width);
    const codes: CodeScan = { codebook: codebookOf(scanner, index), centroid: scanner.area(stride), parts };
    return (list, chosen) => {
      const at = centroids.placeOf(list) * stride;
      codes.centroid.values.set(centroids.blockOf(list).floats.subarray(at, at + stride));
      const first = offsets[list] as number;
      for (const run of rows.runs(first, (offsets[list + 1] as number) - first)) {
        this.#batch.scanCodes(run, codes, chosen);
      }
    };
  }

  /** List by list, so that a list's rows are read once for all queries that look into it. */
  #scanNearest(count: number): void {
    const asking = byList(this.#coarse.found.subarray(0, count * this.#probes), this.#probes, this.#lists);
    for (let list = 0; list < this.#lists; list++) {
      const queries = asking(list);
      if (queries.length === 0 || this.#isEmpty(list)) continue;
      this.#batch.chosen.set(queries);
      this.#scanList(list, queries.length);
    }
  }

  #scanOthers(count: number): void {
    const { counts, chosen } = this.#batch;
    const hungry: number[] = [];
    for (let q = 0; q < count; q++) if ((counts[q] as number) < this.#k) hungry.push(q);
    if (hungry.length === 0) return;
    const seen = hungry.map((q) => new Set(this.#coarse.found.subarray(q * this.#probes, (q + 1) * this.#probes)));
    for (let list = 0; list < this.#lists; list++) {
      if (this.#isEmpty(list)) continue;
      const queries = hungry.filter((_, i) => !seen[i]?.has(list));
      chosen.set(queries);
      this.#scanList(list, queries.length);
    }
  }

  get #lists(): number {
    return this.#index.centroids.count;
  }

  #isEmpty(list: number): boolean {
    return this.#index.offsets[list] === this.#index.offsets[list + 1];
  }
}

/** Turns the lists of each query, `probes` a query, into the queries of each list. */
function byList(found: Int32Array, probes: number, lists: number): (list: number) => Int32Array {
  const offsets = new Int32Array(lists + 1);
  for (const list of found) offsets[list + 1] = (offsets[list + 1] as number) + 1;
  for (let list = 0; list < lists; list++)
    offsets[list + 1] = (offsets[list + 1] as number) + (offsets[list] as number);
  const next = offsets.slice();
  const queries = new Int32Array(found.length);
  found.forEach((list, i) => {
    const at = next[list] as number;
    queries[at] = Math.floor(i / probes);
    next[list] = at + 1;
  });
  return (list) => queries.subarray(offsets[list], offsets[list + 1]);
}
