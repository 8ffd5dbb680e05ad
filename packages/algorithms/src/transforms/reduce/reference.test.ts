import { expect, test } from "vitest";
import { fitTransform, openTransform } from "../fit.ts";
import { reference } from "../fixtures/reference.ts";
import { expectColumns, fitAndCheck, numbersTable } from "../testkit/tables.ts";

const { scaled, freshScaled, wide, three } = reference.pca;
const table = numbersTable(scaled);

// Eigenvectors of a product, where scikit-learn takes singular vectors of the rows: some 1e-16 times the largest value over
// the narrowest gap between values, of which there are none below a hundredth here.
const tolerance = 1e-11;

test("principal components, as scikit-learn", () => {
  const others = numbersTable(freshScaled);
  const { fitted, training } = fitAndCheck({ kind: "pca", components: 3 }, { table }, others);
  const { components } = fitted.state as { readonly components: readonly (readonly number[])[] };
  expectColumns(numbersTable(components), three.components, tolerance);
  expectColumns(training.table, three.train, tolerance);
  expectColumns(openTransform(fitted)(others), three.fresh, tolerance);
  expect([...training.table.columns.keys()]).toEqual(["component 1", "component 2", "component 3"]);
});

test("as many as explain a share of the variance, as scikit-learn", () => {
  const { training } = fitAndCheck({ kind: "pca", components: 0.8 }, { table });
  expect(training.table.columns.size).toBe(reference.pca["share of 0.8"]);
});

test("of fewer rows than columns, as scikit-learn", () => {
  const { fitted, training } = fitAndCheck({ kind: "pca", components: 2 }, { table: numbersTable(wide) });
  const { components } = fitted.state as { readonly components: readonly (readonly number[])[] };
  expectColumns(numbersTable(components), reference.pca["wide, two"].components, tolerance);
  expectColumns(training.table, reference.pca["wide, two"].train, tolerance);
});

test("what cannot be", () => {
  expect(() => fitTransform({ kind: "pca", components: 6 }, { table })).toThrow("have 5 components, not 6");
  const holed = numbersTable([[1, null, 2]]);
  expect(() => fitTransform({ kind: "pca", components: 1 }, { table: holed })).toThrow("'pca' takes no missing values");
});
