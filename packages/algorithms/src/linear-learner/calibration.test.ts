import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CalibrationGoal, Confusion } from "./calibration.ts";
import { accuracyOf, calibrate, fBetaOf, precisionOf, recallOf } from "./calibration.ts";

const goal: CalibrationGoal = { criterion: "accuracy", beta: 2, targetRecall: 0.7, targetPrecision: 0.7 };

function confusionAt(scores: readonly number[], labels: readonly number[], threshold: number): Confusion {
  const count = (label: number, isOne: boolean) =>
    scores.filter((score, i) => labels[i] === label && score >= threshold === isOne).length;
  return {
    truePositives: count(1, true),
    falsePositives: count(0, true),
    trueNegatives: count(0, false),
    falseNegatives: count(1, false),
  };
}

const worth: Record<string, (c: Confusion) => number> = {
  accuracy: accuracyOf,
  f_beta: (c) => fBetaOf(c, goal.beta),
  precision_at_target_recall: (c) => (recallOf(c) >= goal.targetRecall ? precisionOf(c) : -Infinity),
  recall_at_target_precision: (c) => (precisionOf(c) >= goal.targetPrecision ? recallOf(c) : -Infinity),
};

const samples = fc.array(fc.record({ score: fc.integer({ min: -5, max: 5 }), label: fc.constantFrom(0, 1) }), {
  maxLength: 30,
});

describe("calibrate", () => {
  test.for(Object.keys(worth))("no threshold is better for %s", (criterion) => {
    fc.assert(
      fc.property(samples, (rows) => {
        const scores = rows.map(({ score }) => score);
        const labels = rows.map(({ label }) => label);
        const found = calibrate(Float32Array.from(scores), Float32Array.from(labels), {
          ...goal,
          criterion: criterion as CalibrationGoal["criterion"],
        });
        const worthOf = worth[criterion] as (c: Confusion) => number;
        const best = Math.max(...[-6, ...scores, 6].map((cut) => worthOf(confusionAt(scores, labels, cut))));
        expect(found.value).toBeCloseTo(best, 12);
        if (best > -Infinity) expect(worthOf(confusionAt(scores, labels, found.threshold))).toBeCloseTo(best, 12);
      }),
    );
  });

  test("a threshold lies halfway between scores, and at even odds where that is as good", () => {
    const at = (scores: number[], labels: number[]) =>
      calibrate(Float32Array.from(scores), Float32Array.from(labels), goal).threshold;
    expect(at([1, 2, 3, 4], [0, 0, 1, 1])).toBe(2.5);
    expect(at([-3, -2, 5, 6], [0, 0, 1, 1])).toBe(0);
  });

  test("loss_function leaves even odds alone", () => {
    const found = calibrate(Float32Array.of(1, 2), Float32Array.of(0, 1), { ...goal, criterion: "loss_function" });
    expect(found.threshold).toBe(0);
  });
});
