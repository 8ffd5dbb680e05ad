import type { Assigner, AssignerSize, CentreSums, RowArea } from "./assigner.ts";

/** Twin of kmeans.as.ts in plain TypeScript, and its stand-in where the kernel was not built. */
export class PlainAssigner implements Assigner {
  readonly stride: number;
  readonly sums: CentreSums;
  readonly #width: number;
  #centres = new Float32Array();
  #halves = new Float32Array();

  constructor({ width, centres }: AssignerSize) {
    this.#width = width;
    this.stride = Math.ceil(width / 4) * 4;
    this.sums = {
      sums: new Float64Array(centres * this.stride),
      counts: new Float64Array(centres),
      costs: new Float64Array(centres),
    };
  }

  area(rows: number): RowArea {
    return {
      values: new Float32Array(rows * this.stride),
      labels: new Int32Array(rows),
      distances: new Float32Array(rows),
    };
  }

  use(centres: Float64Array, count: number): void {
    this.#centres = Float32Array.from(centres.subarray(0, count * this.#width));
    this.#halves = Float32Array.from({ length: count }, (_, c) => {
      let sum = 0;
      for (let j = 0; j < this.#width; j++) sum += (this.#centres[c * this.#width + j] as number) ** 2;
      return sum / 2;
    });
  }

  assign({ values, labels, distances }: RowArea, rows: number): void {
    for (let i = 0; i < rows; i++) {
      let best = Number.NEGATIVE_INFINITY;
      let label = 0;
      for (let c = 0; c < this.#halves.length; c++) {
        const score = this.#product(values, i, c) - (this.#halves[c] as number);
        if (score <= best || Number.isNaN(score)) continue;
        best = score;
        label = c;
      }
      labels[i] = label;
      distances[i] = this.#squaredDistance(values, i, label);
    }
  }

  assignAndSum(area: RowArea, rows: number): void {
    this.assign(area, rows);
    const { sums, counts, costs } = this.sums;
    for (let i = 0; i < rows; i++) {
      const label = area.labels[i] as number;
      counts[label] = (counts[label] as number) + 1;
      costs[label] = (costs[label] as number) + (area.distances[i] as number);
      for (let j = 0; j < this.#width; j++) {
        const at = label * this.stride + j;
        sums[at] = (sums[at] as number) + (area.values[i * this.stride + j] as number);
      }
    }
  }

  async close(): Promise<void> {}

  #product(values: Float32Array, row: number, centre: number): number {
    let sum = 0;
    for (let j = 0; j < this.#width; j++) {
      sum += (values[row * this.stride + j] as number) * (this.#centres[centre * this.#width + j] as number);
    }
    return sum;
  }

  #squaredDistance(values: Float32Array, row: number, centre: number): number {
    let sum = 0;
    for (let j = 0; j < this.#width; j++) {
      const difference =
        (values[row * this.stride + j] as number) - (this.#centres[centre * this.#width + j] as number);
      sum += difference * difference;
    }
    return sum;
  }
}
