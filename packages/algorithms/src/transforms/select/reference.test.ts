import { expect, test } from "vitest";
import { fitTransform } from "../fit.ts";
import { reference } from "../fixtures/reference.ts";
import type { AnySpec } from "../kinds.ts";
import { eachColumn } from "../numbers.ts";
import { numeric, text } from "../table/column.ts";
import { pickColumns } from "../table/table.ts";
import { expectColumns, fitAndCheck, numbersTable } from "../testkit/tables.ts";
import { scorer } from "./select-best.ts";

const { x, price, classes } = reference.data;
const table = numbersTable(x);
const more = numbersTable(reference.select.columns);
const nameOf = (column: number) => String.fromCharCode(97 + column);
const prices = numeric(price);
const letters = text(classes.map((each) => "abc"[each]));

test.for<[string, AnySpec, readonly number[]]>([
  ["above 0", { kind: "select-variance" }, reference.select.variance],
  ["above 1", { kind: "select-variance", threshold: 1 }, reference.select["variance above 1"]],
])("columns with a variance %s stay, as scikit-learn", ([, spec, kept]) => {
  const names = [...fitAndCheck(spec, { table: more }).training.table.columns.keys()];
  expect(names).toEqual(kept.map(nameOf));
});

test.for([
  ["numbers", prices, 2],
  ["classes", letters, 3],
] as const)("the columns that tell most of %s stay, as scikit-learn", ([name, target, count]) => {
  const scores = eachColumn(table, scorer(target, table.rows));
  // Sums of 90 products in another order, divided by their differences from 1.
  expectColumns(numbersTable([scores]), [reference.select[`scores for ${name}`]], 1e-11);
  const { training } = fitAndCheck({ kind: "select-best", count }, { table, target });
  expect([...training.table.columns.keys()]).toEqual(reference.select[`best for ${name}`].map(nameOf));
});

test("columns that do not vary tell nothing", () => {
  const { training } = fitAndCheck({ kind: "select-best", count: 7 }, { table: more, target: prices });
  expect([...training.table.columns.keys()]).not.toContain("f");
  expect([...training.table.columns.keys()]).not.toContain("g");
});

test.for([0.95, 0.5])("of columns with a correlation above %f, as NumPy computes it, the first stays", (threshold) => {
  const names = ["a", "b", "c", "d", "e", "h", "i"];
  const correlation = reference.select.correlation;
  const kept: number[] = [];
  for (const [i, row] of correlation.entries()) if (kept.every((j) => (row[j] ?? 1) <= threshold)) kept.push(i);
  const { training } = fitAndCheck({ kind: "select-correlation", threshold }, { table: pickColumns(more, names) });
  expect([...training.table.columns.keys()]).toEqual(kept.map((i) => names[i]));
  expect(kept.length).toBeLessThan(names.length);
});

test("a target must be there, and gaps may not", () => {
  expect(() => fitTransform({ kind: "select-best" }, { table })).toThrow("needs a target");
  const holed = numbersTable([[1, null]]);
  expect(() => fitTransform({ kind: "select-correlation" }, { table: holed })).toThrow(
    "column 'a' has some: impute them before",
  );
});
