import type { Distribution, Spread } from "../distribution.ts";

/** A row of `sample`, as far as it holds values. */
export interface SampleRow {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly spread: Uint8Array | null;
}

/** Values and counts as doubles, one after the other; nothing where all values are equal or only totals are known. */
export function encodeSpread({ min, max, spread }: Distribution): Uint8Array | null {
  if (min === max || !spread) return null;
  return new Uint8Array(Float64Array.from(spread.flat()).buffer);
}

/** The distribution of a row. */
export function readSample({ count, sum, min, max, spread }: SampleRow): Distribution {
  if (min === max) return { count, sum, min, max, spread: [[min, count]] };
  if (!spread) return { count, sum, min, max };
  const numbers = new Float64Array(spread.slice().buffer);
  const pairs: [number, number][] = [];
  for (let i = 0; i < numbers.length; i += 2) pairs.push([numbers[i] as number, numbers[i + 1] as number]);
  return { count, sum, min, max, spread: pairs satisfies Spread };
}
