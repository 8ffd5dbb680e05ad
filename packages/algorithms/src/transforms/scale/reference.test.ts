import { expect, test } from "vitest";
import { fitTransform, openTransform } from "../fit.ts";
import { reference } from "../fixtures/reference.ts";
import type { AnySpec } from "../kinds.ts";
import { numeric } from "../table/column.ts";
import { tableOf } from "../table/table.ts";
import { expectColumns, fitAndCheck, listsOf, numbersTable } from "../testkit/tables.ts";

const { holed, freshHoled } = reference.data;
const constant = holed.map((values, column) => (column === 1 ? values.map(() => 0.1) : values));

// Sums of 90 numbers in double precision, in another order: a few units in the last of 16 digits.
const tolerance = 1e-12;

test.for<[string, AnySpec, typeof holed]>([
  ["standard", { kind: "standard-scaler" }, holed],
  ["standard, with a constant", { kind: "standard-scaler" }, constant],
  ["standard, without mean", { kind: "standard-scaler", withMean: false }, holed],
  ["min-max", { kind: "min-max-scaler" }, holed],
  ["min-max, clipped to -1 to 2", { kind: "min-max-scaler", range: [-1, 2], clip: true }, holed],
])("%s scaling, as scikit-learn", ([name, spec, train]) => {
  const fresh = numbersTable(freshHoled);
  const { fitted, training } = fitAndCheck(spec, { table: numbersTable(train) }, fresh);
  const wanted = reference.scale[name];
  expectColumns(training.table, wanted?.train ?? [], tolerance);
  expectColumns(openTransform(fitted)(fresh), wanted?.fresh ?? [], tolerance);
});

test("a column without any value is left as it is", () => {
  const table = tableOf(2, [["a", numeric([Number.NaN, Number.NaN])]]);
  for (const kind of ["standard-scaler", "min-max-scaler"] as const) {
    const apply = openTransform(fitTransform({ kind }, { table }).fitted);
    expect(listsOf(apply(tableOf(2, [["a", numeric([3, Number.NaN])]])))).toEqual([[3, null]]);
  }
});
