import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseHyperparameters } from "../job/hyperparameters.ts";
import { denseTable, sparseTable } from "../testkit/tables.ts";
import { hyperparameters } from "./hyperparameters.ts";
import { foldScaling } from "./scaling.ts";
import { resolveSettings } from "./settings.ts";
import { scalingOf } from "./testkit.ts";

const settings = (given: Record<string, string> = {}) =>
  resolveSettings(parseHyperparameters(hyperparameters, { predictor_type: "regressor", ...given }), false);
const rows = [
  [1, 5, 0],
  [3, 5, 8],
  [5, 5, 0],
  [7, 5, 0],
];
const labels = [10, 20, 30, 40];

describe("scaling", () => {
  test("is mean and deviation per feature and of the label; a constant keeps its scale", () => {
    const { shift, scale, labelShift, labelDeviation } = scalingOf(denseTable(rows, labels), settings());
    expect([...shift]).toEqual([4, 5, 2]);
    [1 / Math.sqrt(5), 1, 1 / Math.sqrt(12)].forEach((wanted, j) => expect(scale[j]).toBeCloseTo(wanted, 6));
    expect(labelShift).toBe(25);
    expect(labelDeviation).toBeCloseTo(Math.sqrt(125), 12);
  });

  test("sees the first num_point_for_scaler rows only", () => {
    const { shift } = scalingOf(denseTable(rows, labels), settings({ num_point_for_scaler: "2" }));
    expect([...shift]).toEqual([2, 5, 4]);
  });

  test("of sparse rows counts what is left out as zeros, and does not shift", () => {
    const dense = scalingOf(denseTable(rows, labels), settings());
    const sparse = scalingOf(sparseTable(rows, labels), settings());
    expect([...sparse.shift]).toEqual([0, 0, 0]);
    sparse.scale.forEach((value, j) => expect(value).toBeCloseTo(dense.scale[j] as number, 6));
  });

  test.for<[string, Record<string, string>, object]>([
    [
      "no bias, no shift",
      { use_bias: "false", unbias_data: "true" },
      { shift: Float32Array.of(0, 0, 0), labelShift: 0 },
    ],
    ["normalize_data off", { normalize_data: "false" }, { scale: Float32Array.of(1, 1, 1) }],
    ["normalize_label off", { normalize_label: "false" }, { labelDeviation: 1 }],
    ["unbias_label off", { unbias_label: "false" }, { labelShift: 0 }],
    ["unbias_data off", { unbias_data: "false" }, { shift: Float32Array.of(0, 0, 0) }],
    [
      "a classifier's label is left alone",
      { predictor_type: "binary_classifier", normalize_label: "true" },
      { labelShift: 0, labelDeviation: 1 },
    ],
  ])("%s", ([, given, wanted]) => {
    expect(scalingOf(denseTable(rows, labels), settings(given))).toMatchObject(wanted);
  });

  test("folds away: raw features and folded weights score as scaled ones do", () => {
    const finite = fc.float({ min: -4, max: 4, noNaN: true });
    const vector = fc.array(finite, { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(vector, vector, vector, vector, finite, (x, shift, logScale, w, bias) => {
        const scaling = {
          shift: Float32Array.from(shift),
          scale: Float32Array.from(logScale, Math.exp),
          labelShift: 3,
          labelDeviation: 2,
        };
        const scaled = x.map((value, j) => (value - (scaling.shift[j] as number)) * (scaling.scale[j] as number));
        const expected = scaled.reduce((sum, value, j) => sum + value * (w[j] as number), bias) * 2 + 3;
        const folded = foldScaling(Float64Array.of(...w, bias), 1, scaling);
        const actual = x.reduce(
          (sum, value, j) => sum + value * (folded.weights[j] as number),
          folded.bias[0] as number,
        );
        // Weights up to 4 e^4 are rounded to float32: 1e-7 of the largest partial sum.
        expect(Math.abs(actual - expected)).toBeLessThan(0.005);
      }),
    );
  });
});
