import { expect, test } from "vitest";
import { openTransform } from "../fit.ts";
import { reference } from "../fixtures/reference.ts";
import { pickColumns } from "../table/table.ts";
import { expectColumns, fitAndCheck, listsOf, numbersTable, textsTable } from "../testkit/tables.ts";

const { holed, freshHoled, townHoled } = reference.data;
const [train, fresh] = [numbersTable(holed), numbersTable(freshHoled)];

test.for(["mean", "median", "mode", "constant"] as const)("imputation by %s, as scikit-learn", (strategy) => {
  const value = strategy === "constant" ? { value: -1.5 } : {};
  const { fitted, training } = fitAndCheck({ kind: "impute", strategy, ...value }, { table: train }, fresh);
  // The mean is a sum in another order; everything else is exact.
  const tolerance = strategy === "mean" ? 1e-13 : 0;
  expectColumns(training.table, reference.impute[strategy].train, tolerance);
  expectColumns(openTransform(fitted)(fresh), reference.impute[strategy].fresh, tolerance);
});

test("indicators say where values are missing, of columns with gaps in training", () => {
  const spec = { kind: "impute", strategy: "mean", indicator: true } as const;
  const { fitted, training } = fitAndCheck(spec, { table: train }, fresh);
  const names = ["a", "b", "c", "d"].map((name) => `${name} is missing`);
  expectColumns(pickColumns(training.table, names), reference.impute.indicator.train, 0);
  const applied = openTransform(fitted)(fresh);
  expectColumns(pickColumns(applied, names), reference.impute.indicator.fresh, 0);
  expect([...applied.columns.keys()]).toEqual(["a", "b", "c", "d", "e", ...names]);
});

test("the mode of texts, as scikit-learn; a mean of texts is refused", () => {
  const table = textsTable([townHoled]);
  const { training } = fitAndCheck({ kind: "impute", strategy: "mode" }, { table });
  expectColumns(training.table, reference.impute["mode of texts"], 0);
  expect(() => fitAndCheck({ kind: "impute", strategy: "mean" }, { table })).toThrow(
    "Column 'a' holds text: it has no mean.",
  );
});

test.for([
  ["nearest", {}],
  ["nearest by distance", { neighbours: 3, weights: "distance" }],
] as const)("imputation by %s rows, as scikit-learn", ([name, options]) => {
  const { fitted, training } = fitAndCheck({ kind: "impute-nearest", ...options }, { table: train }, fresh);
  // scikit-learn expands squares of differences, which costs digits where rows are near compared with their size: weights
  // by distance show it.
  expectColumns(training.table, reference.impute[name].train, 1e-10);
  expectColumns(openTransform(fitted)(fresh), reference.impute[name].fresh, 1e-10);
});

test("of many rows some are kept to compare with", () => {
  const { fitted } = fitAndCheck({ kind: "impute-nearest", maxRows: 20 }, { table: train }, fresh);
  const { columns } = fitted.state as { readonly columns: readonly (readonly number[])[] };
  expect(columns.map(({ length }) => length)).toEqual([20, 20, 20, 20, 20]);
  expect(listsOf(openTransform(fitted)(fresh)).flat()).not.toContain(null);
});

test.for([
  ["chained", { maxRounds: 50 }],
  ["chained, 3 rounds", { maxRounds: 3, tolerance: 0 }],
] as const)("imputation by equations, %s, as scikit-learn", ([name, options]) => {
  const { fitted, training } = fitAndCheck({ kind: "impute-chained", ...options }, { table: train }, fresh);
  // Each equation's precisions are iterated until weights move by less than 1e-3; both do the same steps, so what differs
  // is rounding: eigenvectors of a product here, singular vectors there.
  expectColumns(training.table, reference.impute[name].train, 1e-9);
  expectColumns(openTransform(fitted)(fresh), reference.impute[name].fresh, 1e-9);
  const { steps } = fitted.state as { readonly steps: readonly unknown[] };
  expect(steps.length / 5).toBe(name === "chained" ? reference.impute["chained, rounds"] : 3);
});

test("columns and rows without any value are filled with what there is", () => {
  const table = numbersTable([
    [1, 2, 4, null],
    [null, null, null, null],
    [3, null, 8, null],
  ]);
  for (const kind of ["impute-nearest", "impute-chained"] as const) {
    const [first, empty, last] = listsOf(fitAndCheck({ kind }, { table }).training.table);
    expect(empty).toEqual([0, 0, 0, 0]);
    expect([...(first ?? []), ...(last ?? [])]).not.toContain(null);
  }
});
