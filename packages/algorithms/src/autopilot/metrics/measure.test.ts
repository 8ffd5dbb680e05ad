import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Problem } from "../problem.ts";
import { averagePrecision, curvePoints } from "./curves.ts";
import { goodness, measure, type Scores } from "./measure.ts";

interface Reference {
  readonly labels: readonly number[];
  readonly answers: readonly number[];
  readonly scores: Scores;
  readonly average_precision?: number;
}
const file = new URL("../fixtures/metrics.json", import.meta.url);
const reference = JSON.parse(readFileSync(file, "utf8")) as Record<"binary" | "multiclass" | "regression", Reference>;

const binary: Problem = { type: "BinaryClassification", target: "y", classes: ["no", "yes"] };
const problems = {
  binary,
  multiclass: { type: "MulticlassClassification", target: "y", classes: ["a", "b", "c", "d"] },
  regression: { type: "Regression", target: "y", classes: [] },
} as const satisfies Record<keyof typeof reference, Problem>;

test.for(["binary", "multiclass", "regression"] as const)("%s metrics are scikit-learn's", (kind) => {
  const { labels, answers, scores } = reference[kind];
  const own = measure(problems[kind], labels, Float64Array.from(answers));
  for (const [name, value] of Object.entries(scores)) expect(own[name as keyof Scores], name).toBeCloseTo(value, 10);
});

test("average precision is scikit-learn's, ties included", () => {
  const { labels, answers, average_precision: expected } = reference.binary;
  expect(averagePrecision(curvePoints(labels, answers))).toBeCloseTo(expected as number, 10);
});

test("rows of one class have no area under the curve, and a finite loss where the model was certain and wrong", () => {
  const scores = measure(binary, [1, 1], Float64Array.from([0, 1]));
  expect(scores.AUC).toBeNaN();
  expect(scores.LogLoss).toBeGreaterThan(10);
  expect(scores.LogLoss).toBeLessThan(20);
});

test("errors are turned, so that large is good", () => {
  expect(goodness(problems.regression, "MAE", [1, 2], Float64Array.from([1, 4]))).toBe(-1);
  expect(goodness(binary, "Accuracy", [1, 0], Float64Array.from([0.9, 0.1]))).toBe(1);
});
