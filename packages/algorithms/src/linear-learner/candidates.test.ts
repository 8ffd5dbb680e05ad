import { describe, expect, test } from "vitest";
import { parseHyperparameters } from "../job/hyperparameters.ts";
import { makeCandidates } from "./candidates.ts";
import { hyperparameters } from "./hyperparameters.ts";
import { resolveSettings } from "./settings.ts";

const facts = { updates: 10_000, positives: 100, negatives: 900, modelBytes: 1000 };
const candidates = (given: Record<string, string>, more: Partial<typeof facts> = {}, isTuning = false) => {
  const parsed = parseHyperparameters(hyperparameters, { predictor_type: "binary_classifier", ...given });
  return makeCandidates(resolveSettings(parsed, isTuning), { ...facts, ...more });
};

describe("parallel models", () => {
  test("model 0 has the settings as given", () => {
    const [first] = candidates({
      learning_rate: "0.03",
      l1: "0.5",
      wd: "0.25",
      lr_scheduler_step: "7",
      lr_scheduler_factor: "0.9",
      lr_scheduler_minimum_lr: "0.001",
      positive_example_weight_mult: "3",
    });
    expect(first).toEqual({
      learningRate: 0.03,
      l1: 0.5,
      wd: 0.25,
      schedulerStep: 7,
      schedulerFactor: 0.9,
      schedulerMinimum: 0.001,
      positiveWeight: 3,
    });
  });

  test("auto makes 32 different ones near it", () => {
    const all = candidates({});
    expect(all).toHaveLength(32);
    expect(new Set(all.map((candidate) => JSON.stringify(candidate))).size).toBe(32);
    const rates = all.map((candidate) => candidate.learningRate / (all[0]?.learningRate ?? 0));
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(0.05);
    expect(Math.max(...rates)).toBeLessThanOrEqual(10);
  });

  test("auto makes fewer where they would not fit into memory, a number is obeyed", () => {
    expect(candidates({}, { modelBytes: 100 * 1024 * 1024 })).toHaveLength(5);
    expect(candidates({}, { modelBytes: 1e12 })).toHaveLength(1);
    expect(candidates({ num_models: "40" })).toHaveLength(40);
  });

  test("tuning forces one", () => {
    expect(candidates({ num_models: "8" }, {}, true)).toHaveLength(1);
  });

  test("balanced weighs both classes the same; auto tries three degrees of it", () => {
    expect(candidates({ positive_example_weight_mult: "balanced" })[0]?.positiveWeight).toBe(9);
    const tried = candidates({ positive_example_weight_mult: "auto" }).map((candidate) => candidate.positiveWeight);
    expect([...new Set(tried)]).toEqual([3, 1, 9]);
  });

  test("every automatic setting is one that the schema would take", () => {
    for (const updates of [1, 15, 400, 1e6]) {
      for (const candidate of candidates({}, { updates })) {
        expect(candidate.learningRate).toBeGreaterThan(0);
        expect(candidate.schedulerStep).toBeGreaterThanOrEqual(1);
        expect(candidate.schedulerFactor).toBeGreaterThan(0);
        expect(candidate.schedulerFactor).toBeLessThan(1);
        expect(candidate.schedulerMinimum).toBeGreaterThan(0);
      }
    }
  });
});
