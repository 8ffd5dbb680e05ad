import * as fc from "fast-check";
import { expect, test } from "vitest";
import { resolveScaling, type Scaling } from "./numeric-scale.ts";
import { type Parameter, SearchSpace } from "./search-space.ts";

const numeric = (kind: "continuous" | "integer", min: number, max: number, scaling: Scaling = "Linear"): Parameter => ({
  ...{ name: "x", kind, min, max, scaling },
});

test.for<[string, Parameter, number, string]>([
  ["the middle of a linear range", numeric("continuous", 2, 4), 0.5, "3"],
  ["the middle of a logarithmic range", numeric("continuous", 0.01, 100, "Logarithmic"), 0.5, "1"],
  ["a third of a reverse logarithmic range", numeric("continuous", 0, 0.999, "ReverseLogarithmic"), 1 / 3, "0.9"],
  ["the least integer", numeric("integer", 1, 4), 0.24, "1"],
  ["the next integer", numeric("integer", 1, 4), 0.26, "2"],
  ["the greatest integer", numeric("integer", 1, 4), 1, "4"],
  ["an integer by orders of magnitude", numeric("integer", 1, 1000, "Logarithmic"), 0.54, "30"],
  ["one of some words", { name: "x", kind: "categorical", values: ["a", "b", "c"] }, 0.99, "c"],
  ["a range of one value", numeric("continuous", 7, 7), 0.3, "7"],
])("%s", ([, parameter, share, value]) => {
  const space = new SearchSpace([parameter]);
  expect(space.decode(space.fromUnit([share]))).toEqual({ x: value });
});

test.for<[string, Parameter, RegExp]>([
  ["a range that is upside down", numeric("continuous", 2, 1), /the least value, 2, is above the greatest, 1/],
  ["logarithms through zero", numeric("continuous", 0, 1, "Logarithmic"), /cannot be searched on a Logarithmic scale/],
  ["distances to 1 beyond it", numeric("continuous", 0, 1, "ReverseLogarithmic"), /on a ReverseLogarithmic scale/],
  ["no number", numeric("continuous", Number.NaN, 1), /is above the greatest/],
])("%s is refused", ([, parameter, message]) => {
  expect(() => new SearchSpace([parameter])).toThrow(message);
});

test.for<[number, number, "continuous" | "integer", string]>([
  [0.1, 99, "continuous", "Linear"],
  [0.1, 100, "continuous", "Logarithmic"],
  [1, 1000, "integer", "Logarithmic"],
  [0, 1000, "integer", "Linear"],
  [0, 0.9999, "continuous", "ReverseLogarithmic"],
  [0.5, 0.9, "continuous", "Linear"],
])("Auto from %d to %d (%s) is %s", ([min, max, kind, scaling]) => {
  expect(resolveScaling({ min, max, kind, scaling: "Auto" })).toBe(scaling);
});

test("values come back from the point that they are placed at, and stay within their range", () => {
  const parameter = fc
    .record({
      kind: fc.constantFrom("continuous" as const, "integer" as const),
      ends: fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 })),
      scaling: fc.constantFrom("Auto" as const, "Linear" as const, "Logarithmic" as const),
    })
    .map(({ kind, ends, scaling }) => numeric(kind, Math.min(...ends), Math.max(...ends), scaling));
  fc.assert(
    fc.property(parameter, fc.double({ min: 0, max: 1, noNaN: true }), (each, share) => {
      const space = new SearchSpace([each]);
      const values = space.decode(space.fromUnit([share]));
      const { min, max, kind } = each as Extract<Parameter, { min: number }>;
      const value = Number(values["x"]);
      expect(value).toBeGreaterThanOrEqual(min);
      expect(value).toBeLessThanOrEqual(max);
      if (kind === "integer") expect(Number.isInteger(value)).toBe(true);
      const again = space.encode(values);
      expect(Number(space.decode(again as Float64Array)["x"])).toBeCloseTo(value, 8);
    }),
  );
});

test("every integer and every word is as likely as any other", () => {
  const space = new SearchSpace([numeric("integer", 3, 5), { name: "w", kind: "categorical", values: ["a", "b"] }]);
  const counts = new Map<string, number>();
  for (let k = 0; k < 600; k++) {
    const text = JSON.stringify(space.decode(space.fromUnit([(k + 0.5) / 600, (k + 0.5) / 600])));
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(600);
  expect(counts.get('{"x":"3","w":"a"}')).toBe(200);
  expect(counts.get('{"x":"5","w":"b"}')).toBe(200);
});

test("values that have no place in a space have no point", () => {
  const space = new SearchSpace([
    numeric("continuous", 1, 10, "Logarithmic"),
    { name: "w", kind: "categorical", values: ["a"] },
  ]);
  expect(space.encode({ x: "2" })).toBeUndefined();
  expect(space.encode({ x: "2", w: "z" })).toBeUndefined();
  expect(space.encode({ x: "-2", w: "a" })).toBeUndefined();
  // Beyond the range is a place that can be learned from.
  expect(space.encode({ x: "100", w: "a" })).toEqual(Float64Array.of(2, 0));
});
