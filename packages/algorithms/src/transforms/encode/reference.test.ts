import { describe, expect, test } from "vitest";
import { fitTransform, openTransform } from "../fit.ts";
import { reference } from "../fixtures/reference.ts";
import type { AnySpec } from "../kinds.ts";
import { numeric, text } from "../table/column.ts";
import { expectColumns, fitAndCheck, numbersTable, textsTable } from "../testkit/tables.ts";

const { texts, freshTexts, townHoled, numbers, classes, price } = reference.data;
const [train, fresh] = [textsTable(texts), textsTable(freshTexts)];

describe("one-hot encoding, as scikit-learn", () => {
  test.for([
    ["plain", {}],
    ["frequent", { minFrequency: 8 }],
    ["few", { maxCategories: 4 }],
  ] as const)("%s", ([name, options]) => {
    const { fitted, training } = fitAndCheck({ kind: "one-hot-encoder", ...options }, { table: train }, fresh);
    expectColumns(training.table, reference.encode.oneHot[name].train, 0);
    expectColumns(openTransform(fitted)(fresh), reference.encode.oneHot[name].fresh, 0);
  });

  test("missing values are a category, and numbers are categories", () => {
    const { training } = fitAndCheck({ kind: "one-hot-encoder" }, { table: textsTable([townHoled]) });
    expectColumns(training.table, reference.encode.oneHot.missing, 0);
    expect([...training.table.columns.keys()].at(-1)).toBe("a is missing");
    const ofNumbers = fitAndCheck({ kind: "one-hot-encoder" }, { table: numbersTable([numbers]) });
    expectColumns(ofNumbers.training.table, reference.encode.oneHot.numbers, 0);
    expect([...ofNumbers.training.table.columns.keys()]).toEqual(["a=-5", "a=0", "a=5", "a=10"]);
  });
});

test("ordinal encoding, as scikit-learn", () => {
  const { fitted, training } = fitAndCheck({ kind: "ordinal-encoder" }, { table: train }, fresh);
  expectColumns(training.table, reference.encode.ordinal.train, 0);
  expectColumns(openTransform(fitted)(fresh), reference.encode.ordinal.fresh, 0);
  const holed = fitAndCheck({ kind: "ordinal-encoder" }, { table: textsTable([townHoled]) });
  expectColumns(holed.training.table, reference.encode["ordinal, missing"], 0);
});

test("ordinal encoding in a given order", () => {
  const [, sizes = []] = texts;
  const [, freshSizes = []] = freshTexts;
  const spec = { kind: "ordinal-encoder", order: { a: ["S", "M", "L"] } } as const;
  const { fitted, training } = fitAndCheck(spec, { table: textsTable([sizes]) }, textsTable([freshSizes]));
  expectColumns(training.table, reference.encode["ordinal, in order"].train, 0);
  expectColumns(openTransform(fitted)(textsTable([freshSizes])), reference.encode["ordinal, in order"].fresh, 0);
});

test("labels are numbered, as scikit-learn, and an unknown or missing one is refused", () => {
  const { fitted, training } = fitAndCheck({ kind: "label-encoder" }, { table: train });
  expectColumns(training.table, reference.encode.label, 0);
  expect(() => openTransform(fitted)(fresh)).toThrow("Column 'a' has 'Oslo', which training has not seen.");
  expect(() => fitTransform({ kind: "label-encoder" }, { table: textsTable([townHoled]) })).toThrow("a missing class");
});

test("binary encoding writes the digits of ordinal numbers from 1", () => {
  const [towns = []] = texts;
  const { fitted, training } = fitAndCheck({ kind: "binary-encoder" }, { table: textsTable([towns]) });
  expectColumns(training.table, reference.encode.binary, 0);
  const unknown = openTransform(fitted)(textsTable([["Oslo", null]]));
  expectColumns(
    unknown,
    [0, 1, 2].map(() => [0, 0]),
    0,
  );
});

describe("target encoding, as scikit-learn", () => {
  const yes = text(classes.map((each) => (each === 1 ? "yes" : "no")));
  const letters = text(classes.map((each) => "abc"[each]));
  const specs: [string, Partial<AnySpec>, ReturnType<typeof text> | ReturnType<typeof numeric>][] = [
    ["numbers", {}, numeric(price)],
    ["numbers, smoothed by 10", { smooth: 10, folds: 4 }, numeric(price)],
    ["two classes", {}, yes],
    ["three classes", { folds: 3 }, letters],
  ];
  test.for(specs)(
    "%s: of others, of training rows, and of training rows by those of other folds",
    ([name, options, target]) => {
      const spec = { kind: "target-encoder", shuffle: false, ...options } as AnySpec;
      const { fitted, training } = fitAndCheck(spec, { table: train, target }, fresh);
      const wanted = reference.target[name];
      // Means and variances of 90 numbers, summed in another order.
      expectColumns(training.table, wanted?.crossed ?? [], 1e-12);
      expectColumns(openTransform(fitted)(train), wanted?.train ?? [], 1e-12);
      expectColumns(openTransform(fitted)(fresh), wanted?.fresh ?? [], 1e-12);
    },
  );

  test("a target must be there", () => {
    expect(() => fitTransform({ kind: "target-encoder" }, { table: train })).toThrow("needs a target");
  });
});
