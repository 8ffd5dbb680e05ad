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

test.for<[string, AnySpec, typeof holed]>([
  ["yeo-johnson", { kind: "power" }, reference.data.skewed],
  ["yeo-johnson, not scaled", { kind: "power", standardize: false }, holed],
  ["box-cox", { kind: "power", method: "box-cox" }, holed],
])("power transform %s, as scikit-learn", ([name, spec, train]) => {
  const fresh = numbersTable(freshHoled);
  const { fitted, training } = fitAndCheck(spec, { table: numbersTable(train) }, fresh);
  const wanted = reference.power[name];
  // Both look for the top of a curve that is flat there: the power is known to the root of double precision, here to
  // within 1e-6, and what it makes of values to the same, times their logarithms.
  const { lambdas } = fitted.state as { readonly lambdas: readonly number[] };
  lambdas.forEach((lambda, i) => expect(Math.abs(lambda - (wanted?.lambdas[i] ?? Number.NaN))).toBeLessThan(1e-6));
  expectColumns(training.table, wanted?.train ?? [], 1e-5);
  expectColumns(openTransform(fitted)(fresh), wanted?.fresh ?? [], 1e-5);
});

test("box-cox wants positive numbers in training, and has no value for others", () => {
  const spec = { kind: "power", method: "box-cox" } as const;
  expect(() => fitTransform(spec, { table: numbersTable([[1, 0]]) })).toThrow(
    "Column 'a' has values that are not positive",
  );
  const apply = openTransform(fitTransform(spec, { table: numbersTable([[1, 2, 4]]) }).fitted);
  expect(listsOf(apply(numbersTable([[0, -1]])))).toEqual([[null, null]]);
});

test("a power of a constant is none", () => {
  const { fitted } = fitAndCheck({ kind: "power" }, { table: numbersTable([[3, 3, 3]]) });
  expect(fitted.state).toMatchObject({ lambdas: [1] });
});

test.for(["log", "log1p", "log2", "log10"] as const)(
  "%s, as NumPy, with missing values where there is none",
  (name) => {
    const { training } = fitAndCheck({ kind: "log", function: name }, { table: numbersTable(reference.data.skewed) });
    expectColumns(training.table, reference.log[name], 1e-15);
    const edge = fitAndCheck(
      { kind: "log", function: name },
      { table: numbersTable([[-3, name === "log1p" ? -1 : 0]]) },
    );
    expect(listsOf(edge.training.table)).toEqual([[null, null]]);
  },
);

test("powers far from 1 are found, and numbers too large for some powers do no harm", () => {
  const lambdaOf = (values: number[]) =>
    (fitTransform({ kind: "power" }, { table: numbersTable([values]) }).fitted.state as { lambdas: number[] })
      .lambdas[0];
  expect(lambdaOf(Array.from({ length: 50 }, (_, i) => 0.01 * Math.exp(i / 15)))).toBeLessThan(-10);
  const large = lambdaOf(Array.from({ length: 50 }, (_, i) => 1e200 * Math.exp(i / 5)));
  expect(Math.abs(large as number)).toBeLessThan(2);
});
