import { expect, test } from "vitest";
import { fitTransform, openTransform } from "../fit.ts";
import { reference } from "../fixtures/reference.ts";
import { numeric } from "../table/column.ts";
import { gatherRows } from "../table/table.ts";
import { expectColumns, fitAndCheck, listsOf, numbersTable } from "../testkit/tables.ts";

const table = numbersTable(reference.data.holed);
const quantiles = { kind: "outliers", method: "quantiles", lower: 0.1, upper: 0.95 } as const;

test.for([
  ["deviations", { kind: "outliers", method: "standard-deviations", deviations: 2 }],
  ["quantiles", quantiles],
] as const)("bounds by %s, as NumPy", ([name, spec]) => {
  const { low, high } = fitTransform(spec, { table }).fitted.state as Record<"low" | "high", number[]>;
  expectColumns(numbersTable([low, high]), reference.outliers[name], 1e-13);
});

test("outliers are moved to the bound, or taken away", () => {
  expectColumns(fitAndCheck(quantiles, { table }).training.table, reference.outliers.clipped, 1e-15);
  expectColumns(fitAndCheck({ ...quantiles, fix: "missing" }, { table }).training.table, reference.outliers.missing, 0);
});

test("training rows with outliers are left out, and other rows pass", () => {
  const target = numeric(reference.data.price);
  const { fitted, training } = fitAndCheck({ ...quantiles, fix: "remove" }, { table, target });
  const kept = Uint32Array.from(reference.outliers.kept);
  expect(listsOf(training.table)).toEqual(listsOf(gatherRows(table, kept)));
  expect(training.target).toEqual(numeric([...kept].map((row) => reference.data.price[row] as number)));
  expect(listsOf(openTransform(fitted)(table))).toEqual(listsOf(table));
});

test("bounds upside down are refused, and a method must be there", () => {
  expect(() => fitTransform({ ...quantiles, lower: 0.99 }, { table })).toThrow(
    "'lower' of transform 'outliers' is above 'upper'",
  );
  expect(() => fitTransform({ kind: "outliers" } as never, { table })).toThrow("needs the option 'method'");
});
