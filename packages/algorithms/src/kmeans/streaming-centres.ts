import type { CentreSums } from "./assigner.ts";

/**
 * The centres while rows stream by: each moves towards the mean of the rows it has in a mini-batch, by the share that
 * those rows are of all it ever had.
 * @see Sculley (2010), Web-scale k-means clustering, WWW: algorithm 1, a mini-batch at once instead of row by row.
 */
export class StreamingCentres {
  readonly count: number;
  readonly width: number;
  /** Shape (count, width). */
  readonly centres: Float64Array;
  /** Rows that each centre stands for, less what has decayed. */
  readonly weights: Float64Array;
  readonly #halfLife: number;

  /** @param halfLife - Rows after which a row's weight is half; 0 for no decay. */
  constructor(centres: Float64Array, width: number, halfLife: number) {
    this.centres = centres;
    this.width = width;
    this.count = centres.length / width;
    this.weights = new Float64Array(this.count);
    this.#halfLife = halfLife;
  }

  /** Takes in the sums of a mini-batch of so many rows. */
  update({ sums, counts }: CentreSums, stride: number, rows: number): void {
    const { centres, weights, width } = this;
    const decay = this.#halfLife === 0 ? 1 : 2 ** (-rows / this.#halfLife);
    for (let c = 0; c < this.count; c++) {
      const old = (weights[c] as number) * decay;
      const fresh = counts[c] as number;
      weights[c] = old + fresh;
      if (fresh === 0) continue;
      const share = fresh / (old + fresh);
      for (let j = 0; j < width; j++) {
        const at = c * width + j;
        const centre = centres[at] as number;
        centres[at] = centre + share * ((sums[c * stride + j] as number) / fresh - centre);
      }
    }
  }
}
