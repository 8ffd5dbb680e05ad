import { CustomerError } from "../job/errors.ts";
import type { PcaModel } from "./artifact.ts";

/** Principal components, the strongest one first. */
export interface Components {
  /** Squares of the singular values. */
  readonly values: Float64Array;
  /** Shape (count, width), row-major: a component is a row. */
  readonly vectors: Float64Array;
  /** Sum of squares of all rows, less their centre: what all components together would explain. */
  readonly total: number;
}

/** What rows add up to, and the components that follow from it. */
export interface RowSums {
  /** Adds the first rows of the area. */
  add(rows: number, squares: number): void;
  /** Sum of each feature, less the origin of the rows. */
  featureSums(): Float64Array;
  /**
   * @param place - What rows are measured from, less their origin.
   * @param rows - How many there were.
   * @throws CustomerError when sums are beyond single precision.
   */
  components(place: Float64Array, rows: number): Components;
}

/** Share of the sum of squares that the components explain; 1 where there is nothing to explain. */
export function explainedRatio({ values, total }: Components): number {
  const explained = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  return total > 0 ? Math.min(1, explained / total) : 1;
}

/**
 * Turns components into a model: the strongest one last, each with the sign that makes its largest coordinate positive, so
 * that equal data gives equal models whatever the signs of an iteration.
 */
export function modelOf(
  { values, vectors }: Components,
  size: { readonly width: number; readonly count: number },
  mean: Float64Array | undefined,
): PcaModel {
  const { width, count } = size;
  const v = new Float32Array(width * count);
  const s = new Float32Array(count);
  for (let c = 0; c < count; c++) {
    const vector = vectors.subarray(c * width, (c + 1) * width);
    const largest = vector.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
    const column = count - 1 - c;
    for (let j = 0; j < width; j++) v[j * count + column] = (largest < 0 ? -1 : 1) * (vector[j] as number);
    s[column] = Math.sqrt(Math.max(0, values[c] as number));
  }
  return { width, count, v, s, ...(mean === undefined ? {} : { mean: Float32Array.from(mean) }) };
}

/** Values above some 1e17 have squares that single precision cannot hold. */
export function beyondPrecision(): CustomerError {
  return new CustomerError(
    "The train channel has values whose products are beyond single precision (3e38). Please give features in larger units.",
  );
}
