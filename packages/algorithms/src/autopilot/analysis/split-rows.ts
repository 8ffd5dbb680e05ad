import { randomStream } from "../../numerics/random.ts";
import { range, shuffle } from "../../transforms/split/shuffle.ts";

/** Rows for training and for validation, each in ascending order. */
export interface Split {
  readonly train: readonly number[];
  readonly validation: readonly number[];
}

/**
 * Holds a fraction of the rows out. Classes keep their shares; one with a single row stays in training, where the library's
 * `stratifiedSplit` refuses to divide it.
 * @param labels - Numbers of classes, or `undefined` where there are none.
 */
export function splitRows(count: number, fraction: number, labels: Float64Array | undefined, seed: number): Split {
  const random = randomStream(seed);
  const isHeld = new Uint8Array(count);
  for (const rows of strata(count, labels)) {
    shuffle(rows, random);
    const held = rows.length < 2 ? 0 : Math.round(rows.length * fraction);
    for (const row of rows.slice(0, held)) isHeld[row] = 1;
  }
  const all = [...range(count)];
  return { train: all.filter((row) => isHeld[row] === 0), validation: all.filter((row) => isHeld[row] === 1) };
}

/** The fold of each row, 0 to `folds - 1`: equally many rows of each class in all of them, as far as there are so many. */
export function foldsOf(count: number, folds: number, labels: Float64Array | undefined, seed: number): Uint8Array {
  const random = randomStream(seed);
  const of = new Uint8Array(count);
  let next = 0;
  for (const rows of strata(count, labels)) {
    shuffle(rows, random);
    // Goes on where the class before ended, so that rare classes do not all fall into the first folds.
    for (const row of rows) of[row] = next++ % folds;
  }
  return of;
}

function strata(count: number, labels: Float64Array | undefined): Uint32Array[] {
  if (labels === undefined) return [range(count)];
  return [...Map.groupBy(range(count), (row) => labels[row]).values()].map((rows) => Uint32Array.from(rows));
}
