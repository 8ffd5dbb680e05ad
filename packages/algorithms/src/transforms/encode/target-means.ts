import type { TextColumn } from "../table/column.ts";
import { placesOf, recode } from "./categories.ts";

/** What each category of a column is worth. */
export interface Encoding {
  readonly categories: readonly string[];
  /** For each output: the value of each category, then that of a missing one. */
  readonly values: readonly (readonly number[])[];
  /** For each output: what a category that was never seen is worth. */
  readonly means: readonly number[];
}

interface Options {
  readonly categories: readonly string[];
  readonly smooth: number | "auto";
  /** Which rows are looked at; by default all. */
  readonly isUsed?: (row: number) => boolean;
}

/** Averages each output over the rows of each category, and draws the means towards that of all rows. */
export function encodingOf(column: TextColumn, outputs: readonly Float64Array[], options: Options): Encoding {
  const { categories, isUsed = () => true } = options;
  const places = placesOf(categories);
  const place = recode(column, (name) => places.get(name) as number, categories.length);
  const used = Array.from(place.keys()).filter(isUsed);
  const results = outputs.map((target) => drawnMeans(place, target, used, categories.length + 1, options.smooth));
  return { categories, values: results.map(({ values }) => values), means: results.map(({ mean }) => mean) };
}

function drawnMeans(
  place: Float64Array,
  target: Float64Array,
  used: readonly number[],
  size: number,
  smooth: number | "auto",
): { readonly values: number[]; readonly mean: number } {
  let total = 0;
  const counts = new Float64Array(size);
  const sums = new Float64Array(size);
  for (const row of used) {
    const [at, value] = [place[row] as number, target[row] as number];
    total += value;
    counts[at] = (counts[at] as number) + 1;
    sums[at] = (sums[at] as number) + value;
  }
  const mean = total / used.length;
  if (smooth !== "auto") {
    const values = Array.from(counts, (count, at) =>
      count + smooth === 0 ? mean : ((sums[at] as number) + smooth * mean) / (count + smooth),
    );
    return { values, mean };
  }
  const means = sums.map((sum, at) => sum / (counts[at] as number));
  const squares = new Float64Array(size);
  let allSquares = 0;
  for (const row of used) {
    const [at, value] = [place[row] as number, target[row] as number];
    squares[at] = (squares[at] as number) + (value - (means[at] as number)) ** 2;
    allSquares += (value - mean) ** 2;
  }
  const variance = allSquares / used.length;
  // The weight of a category's own mean when means vary as the target does, and its rows as they do among themselves.
  const values = Array.from(counts, (count, at) => {
    const weight = (variance * count) / (variance * count + (squares[at] as number) / count);
    return Number.isNaN(weight) ? mean : weight * (means[at] as number) + (1 - weight) * mean;
  });
  return { values, mean };
}

/**
 * Writes what the rows' categories are worth.
 * @param values - For each output, written to.
 * @param isWanted - Which rows are written; by default all.
 */
export function writeEncoding(
  { categories, values, means }: Encoding,
  column: TextColumn,
  into: readonly Float64Array[],
  isWanted?: (row: number) => boolean,
): void {
  const places = placesOf(categories);
  for (const [i, target] of into.entries()) {
    const own = values[i] as readonly number[];
    const worth = recode(
      column,
      (name) => own[places.get(name) ?? -1] ?? (means[i] as number),
      own[categories.length] as number,
    );
    if (isWanted === undefined) target.set(worth);
    else for (let row = 0; row < worth.length; row++) if (isWanted(row)) target[row] = worth[row] as number;
  }
}
