import type { Rows } from "../formats/rows.ts";
import type { KnnModel } from "./artifact.ts";
import { RowPreparer } from "./prepare-rows.ts";
import type { Scanner } from "./search/scanner.ts";
import { openSearcher, type Searcher } from "./search/searcher.ts";
import { meanOf, mostFrequent } from "./vote.ts";

/** Neighbours of some rows with their labels: shape (rows, k), nearest first. */
export interface LabelledNeighbours {
  readonly rows: number;
  readonly k: number;
  /** Squared Euclidean distance; the product's negative; or 1 less the cosine. */
  readonly distances: Float32Array;
  readonly labels: Float32Array;
}

/** Searches a model's index for rows as they come. */
export class NeighbourPredictor {
  readonly #model: KnnModel;
  readonly #preparer: RowPreparer;
  readonly #searcher: Searcher;

  /** Takes the model's index over. */
  constructor(model: KnnModel, scanner: Scanner) {
    this.#model = model;
    this.#preparer = new RowPreparer(model.preparation, scanner);
    this.#searcher = openSearcher(scanner, model.index, model.k);
  }

  /** Finds the neighbours of rows, which must be finite. */
  find(rows: Rows): LabelledNeighbours {
    const { k, labels: ofIndex, preparation } = this.#model;
    const distances = new Float32Array(rows.count * k);
    const labels = new Float32Array(rows.count * k);
    const { capacity, queries } = this.#searcher;
    const shift = preparation.normalize ? 1 : 0;
    for (let first = 0; first < rows.count; first += capacity) {
      const count = Math.min(capacity, rows.count - first);
      this.#preparer.prepare(rows, { first, count }, queries);
      const found = this.#searcher.search(count);
      for (let i = 0; i < count * k; i++) {
        distances[first * k + i] = shift + (found.distances[i] as number);
        labels[first * k + i] = ofIndex[found.ids[i] as number] as number;
      }
    }
    return { rows: rows.count, k, distances, labels };
  }

  /** The label that each row's neighbours have in common or on average. */
  predict({ rows, k, labels }: LabelledNeighbours): Float32Array {
    const decide = this.#model.predictorType === "classifier" ? mostFrequent : meanOf;
    return Float32Array.from({ length: rows }, (_, i) => decide(labels.subarray(i * k, (i + 1) * k)));
  }
}
