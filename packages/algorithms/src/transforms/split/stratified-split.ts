import { CustomerError } from "../../job/errors.ts";
import { randomStream } from "../../numerics/random.ts";
import { byClass, type Split } from "./k-fold.ts";
import { range, shuffle } from "./shuffle.ts";

/**
 * Sets a share of the rows aside, at random.
 * @param share - Of the rows, above 0 and below 1; the number of rows is rounded up.
 * @throws CustomerError when one side would have no rows.
 */
export function randomSplit(rows: number, share: number, seed: number): Split {
  const { test } = sizesOf(rows, share);
  const order = shuffle(range(rows), randomStream(seed));
  return { train: order.slice(test).sort(), test: order.slice(0, test).sort() };
}

/**
 * Sets a share of the rows aside, at random, such that both sides have the classes in the shares that all rows have them.
 * @param classes - The number of each row's class, from 0.
 * @throws CustomerError when a class has a single row, or a side would have fewer rows than there are classes.
 */
export function stratifiedSplit(classes: ArrayLike<number>, share: number, seed: number): Split {
  const rows = classes.length;
  const { train, test } = sizesOf(rows, share);
  const counts: number[] = [];
  for (let row = 0; row < rows; row++) counts[classes[row] as number] = (counts[classes[row] as number] ?? 0) + 1;
  const sizes = Array.from(counts, (count) => count ?? 0);
  const present = sizes.filter((count) => count > 0);
  if (present.includes(1)) throw new CustomerError("A class has a single row: it cannot be on both sides.");
  if (Math.min(train, test) < present.length) {
    throw new CustomerError(
      `${rows} rows are too few to divide ${present.length} classes into ${train} and ${test} rows.`,
    );
  }
  const inTrain = apportion(sizes, train);
  const inTest = apportion(
    sizes.map((count, code) => count - (inTrain[code] as number)),
    test,
  );
  const random = randomStream(seed);
  const order = byClass(classes, sizes);
  const split = { train: new Uint32Array(train), test: new Uint32Array(test) };
  let [at, trainAt, testAt] = [0, 0, 0];
  for (const [code, count] of sizes.entries()) {
    const own = shuffle(order.slice(at, at + count), random);
    const [first, second] = [inTrain[code] as number, inTest[code] as number];
    split.train.set(own.subarray(0, first), trainAt);
    split.test.set(own.subarray(first, first + second), testAt);
    at += count;
    trainAt += first;
    testAt += second;
  }
  return { train: split.train.sort(), test: split.test.sort() };
}

/** Shares a number of places out by size: whole shares, and what is left to the largest remainders, the first among equals. */
function apportion(sizes: readonly number[], places: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const exact = sizes.map((size) => (size / total) * places);
  const given = exact.map(Math.floor);
  const left = places - given.reduce((sum, size) => sum + size, 0);
  const byRemainder = exact
    .map((value, i) => ({ i, rest: value - (given[i] as number) }))
    .sort((a, b) => b.rest - a.rest);
  for (const { i } of byRemainder.slice(0, left)) given[i] = (given[i] as number) + 1;
  return given;
}

function sizesOf(rows: number, share: number): { readonly train: number; readonly test: number } {
  const test = Math.ceil(share * rows);
  if (!(share > 0 && share < 1) || test >= rows) {
    throw new CustomerError(`${rows} rows cannot be divided so that ${share} of them are set aside.`);
  }
  return { train: rows - test, test };
}
