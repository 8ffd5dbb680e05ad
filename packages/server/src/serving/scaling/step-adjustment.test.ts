import { expect, test } from "vitest";
import { type StepRule, stepCapacity, stepsProblem } from "./step-adjustment.ts";

const out = [
  { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 10, ScalingAdjustment: 1 },
  { MetricIntervalLowerBound: 10, ScalingAdjustment: 3 },
];
const down = [
  { MetricIntervalLowerBound: -10, MetricIntervalUpperBound: 0, ScalingAdjustment: -1 },
  { MetricIntervalUpperBound: -10, ScalingAdjustment: -2 },
];

test.for<[string, StepRule, number, number, number | undefined]>([
  ["the first step", { StepAdjustments: out }, 2, 5, 3],
  ["at the threshold", { StepAdjustments: out }, 2, 0, 3],
  ["a lower bound belongs to its step", { StepAdjustments: out }, 2, 10, 5],
  ["no step below", { StepAdjustments: out }, 2, -1, undefined],
  ["an upper bound belongs to its step, below the threshold", { StepAdjustments: down }, 5, -10, 3],
  ["in the middle, below the threshold", { StepAdjustments: down }, 5, -9.5, 4],
  ["never below zero", { StepAdjustments: down }, 1, -20, 0],
  ["an exact capacity", { AdjustmentType: "ExactCapacity", StepAdjustments: out }, 9, 20, 3],
])("steps: %s", ([, rule, current, breach, expected]) => {
  expect(stepCapacity(rule, current, breach)).toBe(expected);
});

test("exactly at its threshold, an alarm on low values has its own step", () => {
  expect(stepCapacity({ StepAdjustments: down }, 5, 0, true)).toBe(4);
});

test.for([
  [10, 25, undefined, 12],
  [4, 20, undefined, 5],
  [4, 20, 2, 6],
  [10, -17, undefined, 9],
  [3, -10, undefined, 2],
  [3, -10, 2, 1],
  [0, 50, 2, 0],
] as const)("percent of %d: %d at least %s is %d", ([current, ScalingAdjustment, least, expected]) => {
  const rule: StepRule = {
    AdjustmentType: "PercentChangeInCapacity",
    StepAdjustments: [{ MetricIntervalLowerBound: 0, ScalingAdjustment }],
    ...(least !== undefined && { MinAdjustmentMagnitude: least }),
  };
  expect(stepCapacity(rule, current, 1)).toBe(expected);
});

test("steps with gaps, overlaps or no bounds are told", () => {
  expect(stepsProblem(out)).toBeUndefined();
  expect(stepsProblem(down)).toBeUndefined();
  const step = (lower: number | undefined, upper: number | undefined) => ({
    MetricIntervalLowerBound: lower,
    MetricIntervalUpperBound: upper,
    ScalingAdjustment: 1,
  });
  expect(stepsProblem([step(0, 10), step(11, undefined)])).toMatch(/gaps/u);
  expect(stepsProblem([step(0, 10), step(9, undefined)])).toMatch(/overlap/u);
  expect(stepsProblem([step(undefined, 10), step(undefined, 20)])).toMatch(/overlap/u);
  expect(stepsProblem([step(undefined, undefined)])).toMatch(/must have/u);
  expect(stepsProblem([step(5, 5)])).toMatch(/less than/u);
});
