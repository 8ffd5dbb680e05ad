import type { Blas } from "../numerics/blas/blas.ts";

/** Room for the rows of a mini-batch. */
export interface RowArea {
  /** Shape (capacity, stride), row-major: features, then a one, so that a product of rows sums them up as well. */
  readonly values: Float32Array;
  readonly width: number;
  /** `width + 1`. */
  readonly stride: number;
  readonly capacity: number;
}

/** Rows that are summed up in single precision before they go to sums in double: a product of normal numbers keeps six digits. */
const mostRows = 4096;
const fewestRows = 64;
const bytes = 16 * 1024 * 1024;

export function rowArea(blas: Blas, width: number): RowArea {
  const stride = width + 1;
  const capacity = Math.max(fewestRows, Math.min(mostRows, Math.floor(bytes / (4 * stride))));
  const values = blas.floats(capacity * stride);
  for (let i = 0; i < capacity; i++) values[i * stride + width] = 1;
  return { values, width, stride, capacity };
}
