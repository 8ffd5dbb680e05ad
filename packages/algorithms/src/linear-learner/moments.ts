import type { Rows } from "../formats/rows.ts";

interface LabelMoments {
  readonly mean: number;
  readonly variance: number;
}

/**
 * Means and variances of the first rows of a channel, in one pass and in double precision, so that neither large means
 * cancel nor it matters how rows fall into blocks.
 * @see Welford (1962), Note on a method for calculating corrected sums of squares and products, Technometrics 4(3).
 */
export class Moments {
  /** Rows that are looked at: `num_point_for_scaler`. */
  readonly #limit: number;
  #rows = 0;
  /** Values per column, their means and their squared distances from these; what sparse rows leave out comes in at the end. */
  #counts = new Float64Array();
  #means = new Float64Array();
  #squares = new Float64Array();
  #labelMean = 0;
  #labelSquares = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes the next rows of the channel in, as far as they count. */
  add(features: Rows, labels: Float32Array): void {
    const count = Math.min(features.count, this.#limit - this.#rows);
    if (this.#means.length === 0) {
      this.#counts = new Float64Array(features.width);
      this.#means = new Float64Array(features.width);
      this.#squares = new Float64Array(features.width);
    }
    if (features.kind === "dense") this.#addDense(features.values, features.width, count);
    else
      for (let e = 0, end = features.offsets[count] as number; e < end; e++)
        this.#addEntry(features.columns[e] as number, features.values[e] as number);
    for (let i = 0; i < count; i++) {
      const difference = (labels[i] as number) - this.#labelMean;
      this.#labelMean += difference / (this.#rows + i + 1);
      this.#labelSquares += difference * ((labels[i] as number) - this.#labelMean);
    }
    this.#rows += count;
  }

  estimate(): { readonly means: Float64Array; readonly variances: Float64Array; readonly label: LabelMoments } {
    const rows = this.#rows;
    const shareOf = (j: number) => (this.#counts[j] as number) / rows;
    return {
      means: this.#means.map((mean, j) => mean * shareOf(j)),
      // Values with zeros beside them: Chan, Golub and LeVeque's way to join two samples.
      variances: this.#means.map(
        (mean, j) => (this.#squares[j] as number) / rows + mean * mean * shareOf(j) * (1 - shareOf(j)),
      ),
      label: { mean: this.#labelMean, variance: this.#labelSquares / rows },
    };
  }

  #addDense(values: Float32Array, width: number, rows: number): void {
    for (let i = 0, at = 0; i < rows; i++)
      for (let j = 0; j < width; j++, at++) this.#addEntry(j, values[at] as number);
  }

  #addEntry(column: number, value: number): void {
    const count = (this.#counts[column] as number) + 1;
    const difference = value - (this.#means[column] as number);
    const mean = (this.#means[column] as number) + difference / count;
    this.#counts[column] = count;
    this.#means[column] = mean;
    this.#squares[column] = (this.#squares[column] as number) + difference * (value - mean);
  }
}
