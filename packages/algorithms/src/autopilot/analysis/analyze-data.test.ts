import { expect, test } from "vitest";
import type { RawTable } from "../data/raw-table.ts";
import { type AnalysisRequest, analyzeData, featuresOf } from "./analyze-data.ts";
import { foldsOf, splitRows } from "./split-rows.ts";

const request: AnalysisRequest = {
  ...{ target: "y", problemType: undefined, objective: undefined, mode: "AUTO", features: undefined },
  ...{ algorithms: ["xgboost", "linear-learner"], validationFraction: 0.2, maxCandidates: 3, sizeBytes: 1000 },
};

function table(columns: Readonly<Record<string, (row: number) => string | number>>, count = 100): RawTable {
  const rows = Array.from({ length: count }, (_, row) => row);
  return {
    names: Object.keys(columns),
    count,
    columns: Object.values(columns).map((of) => rows.map((row) => String(of(row)))),
  };
}
const x = (row: number) => row * 0.37;

test.for<[string, (row: number) => string | number, object]>([
  ["two values", (row) => (row % 2 ? "yes" : "no"), { type: "BinaryClassification", classes: ["no", "yes"] }],
  ["two numbers", (row) => (row % 2) * 5, { type: "BinaryClassification", classes: ["0", "5"] }],
  ["names", (row) => "abc"[row % 3] as string, { type: "MulticlassClassification", classes: ["a", "b", "c"] }],
  ["few whole numbers", (row) => 9 + (row % 3), { type: "MulticlassClassification", classes: ["9", "10", "11"] }],
  ["many whole numbers", (row) => row, { type: "Regression", classes: [] }],
  ["fractions", (row) => (row % 5) / 4, { type: "Regression", classes: [] }],
])("a target of %s is found out", ([, y, problem]) => {
  expect(analyzeData(table({ x, y }), undefined, request).analysis.problem).toMatchObject(problem);
});

test("columns are found out, and those that cannot help are left out", () => {
  const { analysis, train, validation } = analyzeData(
    table({
      ...{ x, y: (row) => row % 2, town: (row) => ["Ulm", "Rom"][row % 2] as string, same: () => "a" },
      ...{ id: (row) => `k${row}`, when: (row) => `2024-01-${String((row % 28) + 1).padStart(2, "0")}` },
      note: (row) => `the quick brown fox number ${row} jumps`,
      gaps: (row) => (row % 4 ? row : ""),
    }),
    undefined,
    request,
  );
  const of = Object.fromEntries(analysis.profiles.map(({ name, kind, left }) => [name, left ?? kind]));
  expect(of).toEqual({
    ...{ x: "numeric", town: "categorical", when: "datetime", note: "text", gaps: "numeric" },
    same: "it has the same value in all rows",
    id: "each row has a value of its own",
  });
  expect([train.count, validation.count]).toEqual([80, 20]);
  expect(analysis).toMatchObject({ mode: "ENSEMBLING", objective: "F1", rows: { train: 80, validation: 20 } });
  expect(analysis.candidates).toHaveLength(3);
  expect(analysis.inputs).not.toContain("y");
});

test.for<[string, RawTable, Partial<AnalysisRequest>, string]>([
  ["a target that is not there", table({ x }), { target: "z" }, "The target attribute 'z' is no column"],
  ["a target in other letters", table({ x, y: (row) => row % 2 }), { target: " Y" }, "Did you mean 'y'?"],
  ["too few rows", table({ x, y: (row) => row % 2 }, 49), {}, "has 49 row(s) with a value of the target"],
  ["one class", table({ x, y: () => "a" }), {}, "has only one value, 'a'"],
  ["no values of the target", table({ x, y: () => "" }), {}, "has 0 row(s) with a value of the target"],
  ["nothing but the target", table({ y: (row) => row % 2 }), {}, "no column besides the target"],
  ["nothing to learn from", table({ x: () => 1, y: (row) => row % 2 }), {}, "'x' is left out because it has the same"],
  ["text for a regression", table({ x, y: (row) => `${row}a` }), { problemType: "Regression" }, "is no number"],
  [
    "three classes for two",
    table({ x, y: (row) => row % 3 }),
    { problemType: "BinaryClassification" },
    "has 3 distinct values; the problem type BinaryClassification needs two",
  ],
  ["another problem's metric", table({ x, y: (row) => row % 2 }), { objective: "MSE" }, "MSE is not one of Binary"],
  [
    "an unknown column",
    table({ x, y: (row) => row % 2 }),
    { features: featuresOf('{"FeatureAttributeNames":["z"]}') },
    "names the column 'z'",
  ],
])("%s is refused by name", ([, data, changes, message]) => {
  expect(() => analyzeData(data, undefined, { ...request, ...changes })).toThrow(message);
});

test("validation rows with a class that training lacks are refused", () => {
  const data = table({ x, y: (row) => row % 2 });
  expect(() => analyzeData(data, table({ x, y: (row) => row % 3 }), request)).toThrow(
    "has the value '2' of the target attribute 'y', which the training data has not",
  );
});

test("large data is searched, and so is what wants it", () => {
  const data = table({ x, y: (row) => row % 2 });
  const { analysis } = analyzeData(data, undefined, { ...request, sizeBytes: 2 ** 30 });
  expect(analysis).toMatchObject({ mode: "HYPERPARAMETER_TUNING", candidates: [] });
  expect(analysis.pipelines.map(({ learner }) => learner)).toEqual(["xgboost", "linear-learner"]);
});

test("splits and folds keep the shares of classes", () => {
  const labels = Float64Array.from({ length: 100 }, (_, row) => (row < 20 ? 1 : 0));
  const { validation, train } = splitRows(100, 0.25, labels, 1);
  expect(validation.filter((row) => row < 20)).toHaveLength(5);
  expect([...train, ...validation].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, row) => row));
  const folds = foldsOf(100, 5, labels, 1);
  for (let fold = 0; fold < 5; fold++) {
    expect([...folds.subarray(0, 20)].filter((each) => each === fold)).toHaveLength(4);
  }
});
