import { type Column, denseValues, numeric } from "./table/column.ts";
import { type Table, tableOf } from "./table/table.ts";

/** The values of a column of numbers or dates. @throws Error for text: the kinds of columns were checked before. */
export function valuesOf(column: Column, rows: number): Float64Array {
  if (column.kind === "text") throw new Error("a column of text has no numbers");
  return denseValues(column, rows);
}

/** Replaces each column of numbers: `change` gets its values, which it may not write to, and its place. */
export function mapNumbers(table: Table, change: (values: Float64Array, column: number) => Float64Array): Table {
  let place = 0;
  return tableOf(
    table.rows,
    Array.from(
      table.columns,
      ([name, column]) => [name, numeric(change(valuesOf(column, table.rows), place++))] as const,
    ),
  );
}

/** What is computed for each column of numbers. */
export function eachColumn<T>(table: Table, compute: (values: Float64Array, name: string) => T): T[] {
  return Array.from(table.columns, ([name, column]) => compute(valuesOf(column, table.rows), name));
}

/** The values that are there, in a new array. */
export function present(values: Float64Array): Float64Array {
  return values.filter((value) => !Number.isNaN(value));
}

export interface Moments {
  /** Values that are there. */
  readonly count: number;
  readonly mean: number;
  /** Of the whole population: divided by `count`. */
  readonly variance: number;
}

/** Mean and variance in two passes, with the correction of Chan, Golub and LeVeque (1983). NaN without any value. */
export function momentsOf(values: Float64Array): Moments {
  let [count, sum] = [0, 0];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    count++;
    sum += value;
  }
  const mean = sum / count;
  let [squares, rest] = [0, 0];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    const difference = value - mean;
    squares += difference * difference;
    rest += difference;
  }
  return { count, mean, variance: Math.max(0, (squares - (rest * rest) / count) / count) };
}

/** Whether a variance is nothing but rounding: the bound is that of the two-pass algorithm, as scikit-learn uses it. */
export function isConstant({ count, mean, variance }: Moments): boolean {
  const bound = count * Number.EPSILON * variance + (count * mean * Number.EPSILON) ** 2;
  return !(variance > bound);
}

/**
 * Quantiles by linear interpolation (type 7 of Hyndman and Fan 1996, Sample Quantiles in Statistical Packages).
 * @param sorted - Ascending, without NaN, at least one value.
 */
export function quantile(sorted: Float64Array, probability: number): number {
  const place = probability * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (place - below);
}

/** Values that are there, ascending. */
export function sortedPresent(values: Float64Array): Float64Array {
  return present(values).sort();
}
