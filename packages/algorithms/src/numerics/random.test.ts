import { expect, test } from "vitest";
import { randomStream } from "./random.ts";

const draw = (seed: number, count: number, kind: "uniform" | "normal") => {
  const stream = randomStream(seed);
  return Array.from({ length: count }, () => stream[kind]());
};
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test("equal seeds give equal streams, other seeds others", () => {
  expect(draw(1, 5, "uniform")).toEqual(draw(1, 5, "uniform"));
  expect(draw(1, 5, "uniform")).not.toEqual(draw(2, 5, "uniform"));
});

// Bounds of five standard errors: a correct generator with these fixed seeds passes or fails for good.
test("uniform numbers lie in [0, 1) with mean 1/2 and variance 1/12", () => {
  const values = draw(3, 20_000, "uniform");
  expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
  expect(Math.abs(mean(values) - 0.5)).toBeLessThan(0.011);
  expect(Math.abs(mean(values.map((value) => (value - 0.5) ** 2)) - 1 / 12)).toBeLessThan(0.003);
});

test("normal numbers have mean 0, variance 1 and no skew", () => {
  const values = draw(4, 20_000, "normal");
  expect(Math.abs(mean(values))).toBeLessThan(0.036);
  expect(Math.abs(mean(values.map((value) => value ** 2)) - 1)).toBeLessThan(0.05);
  expect(Math.abs(mean(values.map((value) => value ** 3)))).toBeLessThan(0.14);
});
