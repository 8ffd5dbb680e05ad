import type { RowStore } from "../index/row-store.ts";
import { strideOf } from "./stride.ts";

/** A feature whose mean is so many times its deviation is moved to zero. */
const farFromZero = 8;

/**
 * What to take from each feature so that products of single precision suffice to compare distances. Only features far from
 * zero lose anything: there the difference of two values has no rounding, so that distances stay what they are.
 * @returns Shape (strideOf(width),), or undefined where no feature is far from zero.
 */
export function originOf(rows: RowStore, width: number): Float64Array | undefined {
  const stride = strideOf(width);
  const sums = new Float64Array(width);
  const squares = new Float64Array(width);
  for (const { block, first, count } of rows.runs()) {
    for (let i = first; i < first + count; i++) {
      for (let j = 0; j < width; j++) {
        const value = block.floats[i * stride + j] as number;
        sums[j] = (sums[j] as number) + value;
        squares[j] = (squares[j] as number) + value * value;
      }
    }
  }
  const origin = new Float64Array(stride);
  for (let j = 0; j < width; j++) {
    const mean = (sums[j] as number) / rows.count;
    const variance = (squares[j] as number) / rows.count - mean * mean;
    if (mean * mean > farFromZero ** 2 * variance && Number.isFinite(mean)) origin[j] = Math.fround(mean);
  }
  return origin.some((value) => value !== 0) ? origin : undefined;
}

/** Takes an origin from some rows. */
export function centre(values: Float32Array, first: number, count: number, origin: Float64Array): void {
  const stride = origin.length;
  for (let i = first * stride; i < (first + count) * stride; i += stride) {
    for (let j = 0; j < stride; j++) values[i + j] = (values[i + j] as number) - (origin[j] as number);
  }
}
