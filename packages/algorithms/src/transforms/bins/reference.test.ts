import { expect, test } from "vitest";
import { openTransform } from "../fit.ts";
import { reference } from "../fixtures/reference.ts";
import { expectColumns, fitAndCheck, listsOf, numbersTable } from "../testkit/tables.ts";

const { x, tied, fresh } = reference.data;

test.for<[string, typeof x, number]>([
  ["4 of x", x, 4],
  ["7 of x", x, 7],
  ["10 of rounded x", tied, 10],
])("quantile bins, %s, as scikit-learn", ([name, train, bins]) => {
  const others = numbersTable(fresh);
  const { fitted, training } = fitAndCheck({ kind: "quantile-bins", bins }, { table: numbersTable(train) }, others);
  const wanted = reference.bins[name];
  const { bounds } = fitted.state as { readonly bounds: readonly (readonly number[])[] };
  expect(bounds.length).toBe(wanted?.edges.length);
  bounds.forEach((edges, i) => expectColumns(numbersTable([edges]), [wanted?.edges[i] ?? []], 1e-14));
  expectColumns(training.table, wanted?.train ?? [], 0);
  expectColumns(openTransform(fitted)(others), wanted?.fresh ?? [], 0);
});

test("a missing value has no bin, and a column without values has one", () => {
  const table = numbersTable([[1, null, 2, 3]]);
  expect(listsOf(fitAndCheck({ kind: "quantile-bins", bins: 2 }, { table }).training.table)).toEqual([[0, null, 1, 1]]);
  const { fitted } = fitAndCheck({ kind: "quantile-bins" }, { table: numbersTable([[null, null]]) });
  expect(listsOf(openTransform(fitted)(numbersTable([[5, null]])))).toEqual([[0, null]]);
});
