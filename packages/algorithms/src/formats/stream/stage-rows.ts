import type { DenseRows, Rows } from "../rows.ts";

/** Where rows go. */
interface StageTarget {
  readonly values: Float32Array;
  /** Floats from one row to the next. */
  readonly stride: number;
  /** Row to begin at. */
  readonly at: number;
}

/**
 * Copies rows, less an origin, into the form that kernels take. Near the origin single precision suffices to compare
 * distances, wherever the data lies.
 * @returns Their squares' sum, which is finite just where all values are.
 */
export function stageRows(
  rows: Rows,
  { first, count }: { readonly first: number; readonly count: number },
  { values: target, stride, at }: StageTarget,
  origin: Float64Array,
): number {
  const { width } = rows;
  if (rows.kind === "sparse") {
    const ofOrigin = origin.reduce((sum, value) => sum + value * value, 0);
    let squares = count * ofOrigin;
    for (let i = 0; i < count; i++) {
      const row = (at + i) * stride;
      for (let j = 0; j < width; j++) target[row + j] = -(origin[j] as number);
      const end = rows.offsets[first + i + 1] as number;
      for (let e = rows.offsets[first + i] as number; e < end; e++) {
        const j = rows.columns[e] as number;
        const value = (rows.values[e] as number) - (origin[j] as number);
        target[row + j] = value;
        squares += value * value - (origin[j] as number) ** 2;
      }
    }
    return squares;
  }
  // No square of a number in single precision is beyond double, nor is their sum.
  let squares = 0;
  let from = first * width;
  for (let i = 0; i < count; i++) {
    const row = (at + i) * stride;
    for (let j = 0; j < width; j++) {
      const value = (rows.values[from + j] as number) - (origin[j] as number);
      target[row + j] = value;
      squares += value * value;
    }
    from += width;
  }
  return squares;
}

/** Mean of each column; 0 where it is not finite. */
export function meanOf(
  { count, width, values }: Pick<DenseRows, "count" | "width" | "values">,
  stride: number,
): Float64Array {
  const mean = new Float64Array(width);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < width; j++) mean[j] = (mean[j] as number) + (values[i * stride + j] as number);
  }
  return mean.map((sum) => (Number.isFinite(sum) ? sum / count : 0));
}
