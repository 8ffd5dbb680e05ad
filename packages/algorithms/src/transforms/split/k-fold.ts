import { CustomerError } from "../../job/errors.ts";
import { randomStream } from "../../numerics/random.ts";
import { range, shuffle } from "./shuffle.ts";

/** One way to divide rows: ascending row numbers of each side. */
export interface Split {
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

export interface Folding {
  readonly folds: number;
  /** Absent: rows are divided in their order. */
  readonly seed?: number;
}

/**
 * The fold of each row: folds of nearly equal size, the larger ones first.
 * @throws CustomerError when there are fewer rows than folds.
 */
export function kFold(rows: number, { folds, seed }: Folding): Uint32Array {
  checkFolds(folds, rows);
  const order = range(rows);
  if (seed !== undefined) shuffle(order, randomStream(seed));
  const fold = new Uint32Array(rows);
  for (let k = 0, at = 0; k < folds; k++) {
    const size = Math.floor(rows / folds) + (k < rows % folds ? 1 : 0);
    for (const end = at + size; at < end; at++) fold[order[at] as number] = k;
  }
  return fold;
}

/**
 * The fold of each row such that every fold has nearly the share of each class that all rows have. Classes are dealt out
 * in the order in which they first appear, as scikit-learn does it, so that folds are of nearly equal size as well.
 * @param classes - The number of each row's class, from 0.
 * @throws CustomerError when every class has fewer rows than there are folds.
 */
export function stratifiedKFold(classes: ArrayLike<number>, { folds, seed }: Folding): Uint32Array {
  const rows = classes.length;
  checkFolds(folds, rows);
  const { codes, counts } = byAppearance(classes);
  const largest = Math.max(...counts);
  if (largest < folds) {
    throw new CustomerError(`No class has ${folds} rows, one for each fold: the largest has ${largest}.`);
  }
  const order = byClass(codes, counts);
  const random = seed === undefined ? undefined : randomStream(seed);
  // Row i of the rows in order of their classes counts for fold i modulo folds.
  const shares = counts.map(() => new Uint32Array(folds));
  for (const [i, row] of order.entries()) {
    const share = shares[codes[row] as number] as Uint32Array;
    share[i % folds] = (share[i % folds] as number) + 1;
  }
  const dealt = shares.map((share, code) => {
    const own = new Uint32Array(counts[code] as number);
    for (let k = 0, at = 0; k < folds; k++) {
      own.fill(k, at, at + (share[k] as number));
      at += share[k] as number;
    }
    return random === undefined ? own : shuffle(own, random);
  });
  const next = counts.map(() => 0);
  return Uint32Array.from(codes, (code) => {
    const at = next[code] as number;
    next[code] = at + 1;
    return dealt[code]?.[at] as number;
  });
}

/** The rows of each fold, and those of all others to learn from. */
export function splitsOf(fold: Uint32Array, folds: number): Split[] {
  const rows = range(fold.length);
  return Array.from({ length: folds }, (_, k) => ({
    train: rows.filter((row) => fold[row] !== k),
    test: rows.filter((row) => fold[row] === k),
  }));
}

/** Row numbers, ordered by class and then by number. */
export function byClass(codes: ArrayLike<number>, counts: readonly number[]): Uint32Array {
  const next: number[] = [];
  let at = 0;
  for (const count of counts) {
    next.push(at);
    at += count;
  }
  const order = new Uint32Array(codes.length);
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row] as number;
    const place = next[code] as number;
    order[place] = row;
    next[code] = place + 1;
  }
  return order;
}

function byAppearance(classes: ArrayLike<number>): { readonly codes: Uint32Array; readonly counts: number[] } {
  const places = new Map<number, number>();
  const counts: number[] = [];
  const codes = Uint32Array.from(classes, (value) => {
    const place = places.get(value) ?? places.size;
    places.set(value, place);
    counts[place] = (counts[place] ?? 0) + 1;
    return place;
  });
  return { codes, counts };
}

function checkFolds(folds: number, rows: number): void {
  if (!Number.isInteger(folds) || folds < 2) throw new CustomerError(`There must be at least 2 folds, got ${folds}.`);
  if (rows < folds) throw new CustomerError(`${rows} rows cannot be divided into ${folds} folds.`);
}
