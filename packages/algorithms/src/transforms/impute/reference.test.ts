import { expect, test } from "vitest";
import { openTransform } from "../fit.ts";
import { reference } from "../fixtures/reference.ts";
import { pickColumns } from "../table/table.ts";
import { expectColumns, fitAndCheck, numbersTable, textsTable } from "../testkit/tables.ts";

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
