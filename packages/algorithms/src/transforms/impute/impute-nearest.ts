import { randomStream } from "../../numerics/random.ts";
import { eachColumn, mapNumbers, momentsOf } from "../numbers.ts";
import { oneOf, whole } from "../options.ts";
import { range, shuffle } from "../split/shuffle.ts";
import { gatherRows, type Table } from "../table/table.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";

/**
 * Replaces a missing number by the mean of the nearest training rows that have one. Distances are those of Euclid over the
 * columns that both rows have, scaled up for those that they have not.
 * @see Troyanskaya et al. (2001), Missing value estimation methods for DNA microarrays, Bioinformatics 17(6).
 */
export interface ImputeNearestSpec extends TransformSpec {
  readonly kind: "impute-nearest";
  /** 5 by default. */
  readonly neighbours?: number;
  /** `uniform`, the default, or by the inverse of the distance. */
  readonly weights?: "uniform" | "distance";
  /**
   * Training rows that are kept to be compared with, at random where there are more; 2,000 by default. The model holds
   * them, and every row to fill is compared with all.
   */
  readonly maxRows?: number;
  readonly seed?: number;
}

interface State {
  readonly neighbours: number;
  readonly weights: "uniform" | "distance";
  /** For each column its values in the kept rows. */
  readonly columns: readonly (readonly (number | null)[])[];
  /** For rows that can be compared with none. */
  readonly means: readonly number[];
}

export const imputeNearest: TransformKind<ImputeNearestSpec, State> = {
  kind: "impute-nearest",
  options: {
    neighbours: whole({ min: 1, max: 10_000 }),
    weights: oneOf("uniform", "distance"),
    maxRows: whole({ min: 1, max: 1_000_000 }),
    seed: whole(),
  },
  takes: ["numeric"],
  fit({ table }, { neighbours = 5, weights = "uniform", maxRows = 2000, seed = 0 }) {
    const kept = table.rows <= maxRows ? table : sample(table, maxRows, seed);
    return {
      state: {
        neighbours,
        weights,
        columns: eachColumn(kept, (values) => Array.from(values, (value) => (Number.isNaN(value) ? null : value))),
        means: eachColumn(table, (values) => {
          const { count, mean } = momentsOf(values);
          return count === 0 ? 0 : mean;
        }),
      },
    };
  },
  open({ neighbours, weights, columns, means }) {
    const donors = new Donors(
      columns.map((values) => Float64Array.from(values, (value) => value ?? Number.NaN)),
      neighbours,
      weights,
    );
    return (table) => {
      const given = eachColumn(table, (values) => values);
      const distances = new Map<number, Float64Array>();
      const distancesOf = (row: number): Float64Array => {
        const known = distances.get(row);
        if (known !== undefined) return known;
        const found = donors.distances(given.map((values) => values[row] as number));
        // One row at a time: the columns of a row are filled together, below.
        distances.clear();
        distances.set(row, found);
        return found;
      };
      const filled = given.map((values) => values.slice());
      for (let row = 0; row < table.rows; row++) {
        for (const [column, values] of given.entries()) {
          if (!Number.isNaN(values[row] as number)) continue;
          const value = donors.mean(column, distancesOf(row)) ?? (means[column] as number);
          (filled[column] as Float64Array)[row] = value;
        }
      }
      return mapNumbers(table, (_, column) => filled[column] as Float64Array);
    };
  },
};

function sample(table: Table, count: number, seed: number): Table {
  return gatherRows(table, shuffle(range(table.rows), randomStream(seed)).slice(0, count).sort());
}

/** The rows that values are taken from. */
class Donors {
  readonly #columns: readonly Float64Array[];
  readonly #neighbours: number;
  readonly #weights: State["weights"];
  readonly #rows: number;
  /** The nearest rows so far, and how far they are, ascending. */
  readonly #nearest: Uint32Array;
  readonly #far: Float64Array;

  constructor(columns: readonly Float64Array[], neighbours: number, weights: State["weights"]) {
    this.#columns = columns;
    this.#neighbours = neighbours;
    this.#weights = weights;
    this.#rows = columns[0]?.length ?? 0;
    this.#nearest = new Uint32Array(neighbours);
    this.#far = new Float64Array(neighbours);
  }

  /** Squared distance to every row; NaN to those with which a row shares no column. */
  distances(row: readonly number[]): Float64Array {
    const squares = new Float64Array(this.#rows);
    const shared = new Float64Array(this.#rows);
    for (const [column, value] of row.entries()) {
      if (Number.isNaN(value)) continue;
      const values = this.#columns[column] as Float64Array;
      for (let i = 0; i < values.length; i++) {
        const difference = (values[i] as number) - value;
        if (Number.isNaN(difference)) continue;
        squares[i] = (squares[i] as number) + difference * difference;
        shared[i] = (shared[i] as number) + 1;
      }
    }
    for (let i = 0; i < squares.length; i++) squares[i] = ((squares[i] as number) * row.length) / (shared[i] as number);
    return squares;
  }

  /** Mean of a column over the nearest rows that have it; undefined where there are none. */
  mean(column: number, distances: Float64Array): number | undefined {
    const values = this.#columns[column] as Float64Array;
    const [nearest, far] = [this.#nearest, this.#far];
    let found = 0;
    for (let i = 0; i < values.length; i++) {
      const distance = distances[i] as number;
      if (Number.isNaN(values[i] as number) || Number.isNaN(distance)) continue;
      if (found === this.#neighbours && distance >= (far[found - 1] as number)) continue;
      let at = found < this.#neighbours ? found++ : found - 1;
      for (; at > 0 && (far[at - 1] as number) > distance; at--) {
        far[at] = far[at - 1] as number;
        nearest[at] = nearest[at - 1] as number;
      }
      far[at] = distance;
      nearest[at] = i;
    }
    if (found === 0) return undefined;
    let [sum, total] = [0, 0];
    const hasEqual = far[0] === 0;
    for (let i = 0; i < found; i++) {
      const distance = Math.sqrt(far[i] as number);
      // A row that is the same outweighs all that are not.
      const byDistance = hasEqual ? (distance === 0 ? 1 : 0) : 1 / distance;
      const weight = this.#weights === "uniform" ? 1 : byDistance;
      sum += weight * (values[nearest[i] as number] as number);
      total += weight;
    }
    return sum / total;
  }
}
