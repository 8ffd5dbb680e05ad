import { describe, expect, test } from "vitest";
import { reference } from "../fixtures/reference.ts";
import { kFold, type Split, splitsOf, stratifiedKFold } from "./k-fold.ts";
import { range } from "./shuffle.ts";
import { randomSplit, stratifiedSplit } from "./stratified-split.ts";
import { timeWindows } from "./windows.ts";

const { classes } = reference.data;
const rows = classes.length;
const countsOf = (chosen: Uint32Array) => [0, 1, 2].map((code) => chosen.filter((row) => classes[row] === code).length);

function expectWhole({ train, test: held }: Split): void {
  expect([...train, ...held].sort((a, b) => a - b)).toEqual([...range(rows)]);
}

describe("as scikit-learn", () => {
  test.for(Object.keys(reference.split.kFold).map(Number))(
    "%i folds, with and without the classes' shares",
    (folds) => {
      expect([...kFold(rows, { folds })]).toEqual(reference.split.kFold[folds]);
      expect([...stratifiedKFold(classes, { folds })]).toEqual(reference.split.stratifiedKFold[folds]);
    },
  );

  test.for(Object.keys(reference.split.stratified).map(Number))("%f of the rows with the classes' shares", (share) => {
    const split = stratifiedSplit(classes, share, 1);
    expect({ train: countsOf(split.train), test: countsOf(split.test) }).toEqual(reference.split.stratified[share]);
    expectWhole(split);
  });

  test("windows of time, expanding and sliding", () => {
    const lists = (splits: Split[]) => splits.map((split) => ({ train: [...split.train], test: [...split.test] }));
    expect(lists(timeWindows(rows, { splits: 4 }))).toEqual(reference.split.windows.expanding);
    expect(lists(timeWindows(rows, { splits: 3, maxTrainSize: 20, testSize: 15, gap: 2 }))).toEqual(
      reference.split.windows.sliding,
    );
  });
});

test("shuffled folds have the sizes and the shares of those that are not, and follow from the seed", () => {
  for (const fold of [kFold, (_: number, how: Parameters<typeof kFold>[1]) => stratifiedKFold(classes, how)]) {
    const plain = splitsOf(fold(rows, { folds: 4 }), 4);
    const one = fold(rows, { folds: 4, seed: 1 });
    const mixed = splitsOf(one, 4);
    mixed.forEach(expectWhole);
    expect(mixed.map(({ test: held }) => held.length)).toEqual(plain.map(({ test: held }) => held.length));
    if (fold !== kFold)
      expect(mixed.map(({ test: held }) => countsOf(held))).toEqual(plain.map(({ test: held }) => countsOf(held)));
    expect(fold(rows, { folds: 4, seed: 1 })).toEqual(one);
    expect(fold(rows, { folds: 4, seed: 2 })).not.toEqual(one);
  }
});

test("a random split", () => {
  const split = randomSplit(rows, 0.25, 1);
  expectWhole(split);
  expect(split.test).toHaveLength(23);
  expect(randomSplit(rows, 0.25, 1)).toEqual(split);
  expect(randomSplit(rows, 0.25, 2)).not.toEqual(split);
});

test("what cannot be divided", () => {
  expect(() => kFold(3, { folds: 4 })).toThrow("3 rows cannot be divided into 4 folds.");
  expect(() => kFold(3, { folds: 1 })).toThrow("at least 2 folds, got 1");
  expect(() => stratifiedKFold([0, 1, 2, 3], { folds: 2 })).toThrow("No class has 2 rows");
  expect(() => stratifiedSplit([0, 0, 0, 1], 0.5, 1)).toThrow("A class has a single row");
  expect(() => stratifiedSplit([0, 0, 1, 1, 0, 0], 0.1, 1)).toThrow(
    "6 rows are too few to divide 2 classes into 5 and 1",
  );
  expect(() => randomSplit(1, 0.5, 1)).toThrow("1 rows cannot be divided");
  expect(() => timeWindows(10, { splits: 4, testSize: 3 })).toThrow("10 rows are too few for 4 tests of 3 rows");
});
