import { describe, expect, test } from "vitest";
import { denseTable } from "../testkit/tables.ts";
import { reference } from "./fixtures/reference.ts";
import { predictor } from "./predict.ts";
import { binaryMeter, multiclassMeter } from "./quality.ts";
import { runJob } from "./testkit.ts";

// Full-batch descent whose rate falls to 1e-6: what is left of the way to the optimum is far below 0.2 % of a weight,
// which is also where float32 sums over 160 rows end. The losses with kinks have no gradient at the optimum to go by,
// so 2 % is what a decaying step reaches.
const smooth = 0.002;
const kinked = 0.02;

const descent = {
  num_models: "1",
  mini_batch_size: "160",
  epochs: "6000",
  early_stopping_patience: "10000",
  optimizer: "adam",
  beta_1: "0.9",
  learning_rate: "0.05",
  lr_scheduler_step: "1",
  lr_scheduler_factor: "0.998",
  lr_scheduler_minimum_lr: "0.000001",
};

function expectModel(
  model: { weights: Float32Array; bias: Float32Array },
  wanted: { coef: readonly (readonly number[])[]; intercept: readonly number[] },
  tolerance: number,
): void {
  const expected = [...(wanted.coef[0] ?? []), ...wanted.intercept];
  [...model.weights, ...model.bias].forEach((value, i) => {
    const distance = Math.abs(value - (expected[i] as number)) / Math.abs(expected[i] as number);
    expect(distance, `weight ${i}: ${value} instead of ${expected[i]}`).toBeLessThan(tolerance);
  });
}

describe("regressions end where scikit-learn's do", () => {
  const train = denseTable(reference.x, reference.number);
  test.for<[string, keyof typeof reference.models, Record<string, string>, number]>([
    ["squared_loss is least squares", "squared", { loss: "squared_loss" }, smooth],
    ["wd is a ridge", "ridge", { loss: "squared_loss", wd: String(reference.models.ridge.wd) }, smooth],
    ["quantile_loss is a quantile regression", "quantile_0.8", { loss: "quantile_loss", quantile: "0.8" }, kinked],
    ["absolute_loss is a median regression", "absolute", { loss: "absolute_loss" }, kinked],
    ["huber_loss with a large delta is least squares", "squared", { loss: "huber_loss", huber_delta: "1000" }, smooth],
    [
      "eps_insensitive_absolute_loss with a small epsilon is a median regression",
      "absolute",
      { loss: "eps_insensitive_absolute_loss", loss_insensitivity: "0.000001" },
      kinked,
    ],
  ])("%s", async ([, name, settings, tolerance]) => {
    const { model } = await runJob({ given: { predictor_type: "regressor", ...descent, ...settings }, train });
    const wanted = reference.models[name] as typeof reference.models.squared;
    expectModel(model.linear, wanted, tolerance);
  });
});

describe("classifiers end where scikit-learn's do", () => {
  const count = reference.x.length;
  const means = [0, 1, 2].map((j) => reference.x.reduce((sum, row) => sum + (row[j] as number), 0) / count);
  const deviations = means.map((mean, j) =>
    Math.sqrt(reference.x.reduce((sum, row) => sum + ((row[j] as number) - mean) ** 2, 0) / count),
  );
  const standardised = reference.x.map((row) =>
    row.map((value, j) => (value - (means[j] as number)) / (deviations[j] as number)),
  );

  test.for<["logistic" | "balanced", string]>([
    ["logistic", "1"],
    ["balanced", "balanced"],
  ])("logistic, %s", async ([name, positive_example_weight_mult]) => {
    const { model } = await runJob({
      given: { predictor_type: "binary_classifier", ...descent, positive_example_weight_mult },
      train: denseTable(standardised, reference.binary),
    });
    expectModel(model.linear, reference.models[name], smooth);
  });

  test("softmax", async () => {
    const { model } = await runJob({
      given: { predictor_type: "multiclass_classifier", num_classes: "4", ...descent },
      train: denseTable(reference.x, reference.many),
    });
    const rows = denseTable(reference.x.slice(0, 8), []).features;
    const [score] = predictor(model).predict(rows).columns;
    reference.models.softmax_probabilities.flat().forEach((wanted, i) => {
      expect(Math.abs((score?.values[i] as number) - wanted)).toBeLessThan(smooth);
    });
  });
});

describe("metrics are scikit-learn's", () => {
  test("binary", () => {
    const { scores, threshold, accuracy, precision, recall, f_2, roc_auc } = reference.binary_quality;
    const meter = binaryMeter(threshold, 2, true);
    // In two blocks, as evaluations come.
    meter.add(Float32Array.from(scores.slice(0, 100)), 1, Float32Array.from(reference.binary.slice(0, 100)), 100);
    meter.add(Float32Array.from(scores.slice(100)), 1, Float32Array.from(reference.binary.slice(100)), 60);
    const values = meter.report().map(({ value }) => value);
    [accuracy, f_2, precision, recall, roc_auc].forEach((wanted, i) => expect(values[i]).toBeCloseTo(wanted, 9));
  });

  test("multiclass", () => {
    const wanted = reference.multiclass_quality;
    const meter = multiclassMeter(4, 2, 2);
    const padded = Float32Array.from(wanted.scores.flatMap((row) => [...row, 99, 99, 99, 99])); // padding must not count
    meter.add(padded, 8, Float32Array.from(reference.many), wanted.scores.length);
    const found = Object.fromEntries(meter.report().map(({ name, value }) => [name, value]));
    expect(found).toEqual({
      multiclass_accuracy: expect.closeTo(wanted.accuracy as number, 9),
      multiclass_top_k_accuracy_2: expect.closeTo(wanted.top_2 as number, 9),
      dcg: expect.closeTo(wanted.dcg as number, 9),
      macro_recall: expect.closeTo(wanted.macro_recall as number, 9),
      macro_precision: expect.closeTo(wanted.macro_precision as number, 9),
      "macro_f_2.000": expect.closeTo(wanted.macro_f_2 as number, 9),
      multiclass_balanced_accuracy: expect.closeTo(wanted.balanced_accuracy as number, 9),
      multiclass_log_loss: expect.closeTo(wanted.log_loss as number, 5), // scores are rounded to float32 on the way
    });
  });
});
