import { describe, expect, test } from "vitest";
import { fitTransform, openTransform } from "./fit.ts";
import { reference } from "./fixtures/reference.ts";
import type { AnySpec } from "./kinds.ts";
import { dates, numeric, text } from "./table/column.ts";
import { tableOf } from "./table/table.ts";
import { toDenseRows, toRows } from "./table/to-rows.ts";
import { fitAndCheck, listsOf } from "./testkit/tables.ts";

const { holed, texts, price } = reference.data;
const gap = Number.NaN;
const table = tableOf(price.length, [
  ["alcohol", numeric((holed[0] ?? []).map((value) => value ?? gap))],
  ["town", text(texts[0] ?? [])],
  ["colour", numeric((holed[3] ?? []).map((value) => value ?? gap))],
  ["size", text(texts[1] ?? [])],
]);
const target = numeric(price);

const scaled: AnySpec = {
  kind: "pipeline",
  steps: [{ kind: "impute", strategy: "median" }, { kind: "standard-scaler" }],
};

test("a pipeline's steps learn from what those before them made", () => {
  const { training } = fitAndCheck(
    {
      kind: "pipeline",
      steps: [{ kind: "impute", strategy: "constant", columns: { type: "numeric" } }, { kind: "min-max-scaler" }],
    },
    { table },
  );
  const [alcohol = []] = listsOf(training.table);
  // A gap became 0, the smallest value.
  expect(alcohol[table.columns.get("alcohol")?.kind === "numeric" ? (holed[0] ?? []).indexOf(null) : 0]).toBe(0);
  expect(Math.max(...(alcohol as number[]))).toBe(1);
  expect([...training.table.columns.keys()]).toEqual(["alcohol", "town", "colour", "size"]);
});

test("a column transformer puts its parts together in their order", () => {
  const spec: AnySpec = {
    kind: "column-transformer",
    parts: [
      { columns: ["size"], transform: { kind: "one-hot-encoder" } },
      { columns: { type: "numeric", except: ["colour"] }, transform: scaled },
      { columns: ["town"], transform: { kind: "target-encoder" }, prefix: "mean of " },
      { columns: ["colour"] },
    ],
  };
  const { fitted, training } = fitAndCheck(spec, { table, target });
  const names = ["size=L", "size=M", "size=S", "alcohol", "mean of town", "colour"];
  expect([...training.table.columns.keys()]).toEqual(names);
  expect([...openTransform(fitted)(table).columns.keys()]).toEqual(names);
  const rest = fitAndCheck({ kind: "column-transformer", parts: [], remainder: "passthrough" }, { table });
  expect(listsOf(rest.training.table)).toEqual(listsOf(table));
});

test("equal seeds give equal folds, and other seeds others", () => {
  const crossed = (seed: number) =>
    listsOf(fitTransform({ kind: "target-encoder", columns: ["town"], seed }, { table, target }).training.table)[1];
  expect(crossed(1)).toEqual(crossed(1));
  expect(crossed(1)).not.toEqual(crossed(2));
});

describe("what cannot be", () => {
  const one = (spec: object) => () => fitTransform(spec as AnySpec, { table, target });
  test.for<[object, string]>([
    [{ kind: "scale" }, "There is no transform 'scale'. There are pipeline"],
    [{ kind: "toString" }, "There is no transform 'toString'."],
    [{ kind: "standard-scaler", columns: ["colr"] }, "There is no column 'colr'. The columns are 'alcohol', 'town'"],
    [
      { kind: "standard-scaler", columns: ["town"] },
      "'standard-scaler' takes columns of type numeric; 'town' is of type text",
    ],
    [
      { kind: "standard-scaler", mean: true },
      "'standard-scaler' has no option 'mean': its options are withMean, withDeviation",
    ],
    [{ kind: "impute", strategy: "max" }, "Option 'strategy' of transform 'impute' must be one of 'constant', 'mean'"],
    [{ kind: "min-max-scaler", range: [1] }, "Option 'range' of transform 'min-max-scaler' must be a list"],
    [{ kind: "pipeline", steps: {} }, "The steps of a pipeline must be a list"],
    [{ kind: "pipeline", steps: [1] }, 'must be objects with a "kind", got 1'],
    [{ kind: "column-transformer", parts: [{}] }, 'must be a list of objects with "columns"'],
    [
      { kind: "column-transformer", parts: [{ columns: ["town"] }, { columns: "all" }] },
      "Two columns would be called 'town'.",
    ],
  ])("%j is refused", ([spec, message]) => {
    expect(one(spec)).toThrow(
      expect.objectContaining({ name: "CustomerError", message: expect.stringContaining(message) }),
    );
  });

  test("rows without a column, or with one of another type, are refused when a transform is applied", () => {
    const apply = openTransform(fitTransform({ kind: "standard-scaler", columns: ["colour"] }, { table }).fitted);
    expect(() => apply(tableOf(1, [["town", text(["Ulm"])]]))).toThrow("There is no column 'colour'.");
    expect(() => apply(tableOf(1, [["colour", text(["red"])]]))).toThrow("'colour' is of type text");
    expect(() => openTransform({ kind: "none", state: {} })).toThrow("There is no transform 'none'.");
  });
});

describe("rows for learners", () => {
  const words = tableOf(4, [
    ["a", { kind: "sparse", rows: Uint32Array.of(1, 3), values: Float64Array.of(0.5, 2) }],
    ["b", { kind: "sparse", rows: new Uint32Array(), values: new Float64Array() }],
    ["c", { kind: "sparse", rows: Uint32Array.of(3), values: Float64Array.of(-1) }],
  ]);

  test("are sparse where most numbers are 0, and dense otherwise", () => {
    expect(toRows(words)).toEqual({
      kind: "sparse",
      count: 4,
      width: 3,
      offsets: Float64Array.of(0, 0, 1, 1, 3),
      columns: Uint32Array.of(0, 0, 2),
      values: Float32Array.of(0.5, 2, -1),
    });
    const dense = { kind: "dense", count: 4, width: 3, values: Float32Array.of(0, 0, 0, 0.5, 0, 0, 0, 0, 0, 2, 0, -1) };
    expect(toDenseRows(words)).toEqual(dense);
    expect(toRows(tableOf(2, [["a", numeric([1, gap])]]))).toEqual({
      ...{ kind: "dense", count: 2, width: 1 },
      values: Float32Array.of(1, gap),
    });
  });

  test("need numbers", () => {
    expect(() => toRows(table)).toThrow("Column 'town' holds text and no numbers");
    expect(() => toRows(tableOf(1, [["d", dates([0])]]))).toThrow("Column 'd' holds dates and no numbers");
  });
});

test("a table's columns are of one length", () => {
  expect(() => tableOf(2, [["a", numeric([1])]])).toThrow("Column 'a' has 1 rows where the table has 2.");
});
