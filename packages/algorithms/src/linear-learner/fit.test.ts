import { describe, expect, test } from "vitest";
import { randomStream } from "../numerics/random.ts";
import { denseTable, sparseTable } from "../testkit/tables.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import { metrics } from "./metrics.ts";
import { load } from "./predict.ts";
import { runJob } from "./testkit.ts";

const stream = randomStream(11);
const rows = Array.from({ length: 900 }, () => [stream.normal(), 50 + 10 * stream.normal(), stream.normal() / 100]);
const sums = rows.map(([a, b, c]) => (a as number) + ((b as number) - 50) / 20 - 50 * (c as number));
const numbers = sums.map((sum) => 3 * sum + 7 + stream.normal() / 10);
const yesNo = sums.map((sum) => Number(sum + stream.normal() / 5 > 0));
const kinds = sums.map((sum) => (sum > 0.7 ? 2 : sum > -0.7 ? 1 : 0));

const third = <T>(all: readonly T[], part: 0 | 1 | 2) => all.slice(part * 300, (part + 1) * 300);
const split = (labels: readonly number[], part: 0 | 1 | 2) => denseTable(third(rows, part), third(labels, part));
const job = (given: Record<string, string>, labels: readonly number[]) => ({
  given: { mini_batch_size: "50", num_models: "4", ...given },
  train: split(labels, 0),
  validation: split(labels, 1),
  test: split(labels, 2),
});

const regressor = { predictor_type: "regressor" };
const binary = { predictor_type: "binary_classifier" };
const multiclass = { predictor_type: "multiclass_classifier", num_classes: "3" };

/** Values that a metric's regex finds, in order, as the platform finds them. */
function found(lines: readonly string[], name: string): number[] {
  const definition = metrics.find((metric) => metric.name === name);
  if (definition === undefined) throw new Error(`no metric ${name}`);
  const regex = new RegExp(definition.regex);
  return lines.flatMap((line) => regex.exec(line)?.[1] ?? []).map(Number);
}

describe("metric lines", () => {
  const common = [
    "train:objective_loss",
    "validation:objective_loss",
    "train:objective_loss:final",
    "validation:objective_loss:final",
    "test:objective_loss",
    "train:progress",
    "train:throughput",
  ];
  const binaryNames = ["binary_classification_accuracy", "binary_f_beta", "precision", "recall"];
  const multiclassNames = [
    "multiclass_accuracy",
    "multiclass_top_k_accuracy",
    "dcg",
    "macro_recall",
    "macro_precision",
    "macro_f_beta",
  ];
  test.for<[string, Record<string, string>, number[], string[]]>([
    [
      "regressor",
      regressor,
      numbers,
      ["absolute_loss", "mse"].flatMap((name) => [`train:${name}`, `validation:${name}`, `test:${name}`]),
    ],
    [
      "binary_classifier",
      binary,
      yesNo,
      [
        ...binaryNames.flatMap((name) => [`train:${name}`, `validation:${name}`, `test:${name}`]),
        "validation:roc_auc_score",
        "test:roc_auc_score",
      ],
    ],
    [
      "multiclass_classifier",
      multiclass,
      kinds,
      multiclassNames.flatMap((name) => [`validation:${name}`, `test:${name}`]),
    ],
  ])("every metric of a %s is found by its regex", async ([, given, labels, names]) => {
    const { lines } = await runJob(job(given, labels));
    for (const name of [...common, ...names]) {
      const values = found(lines, name);
      expect(values.length, name).toBeGreaterThan(0);
      expect(values.every(Number.isFinite), name).toBe(true);
    }
    // Final figures appear once, epochs' one by one.
    expect(found(lines, "validation:objective_loss:final")).toHaveLength(1);
    expect(found(lines, "train:objective_loss").length).toBeGreaterThan(1);
    expect(found(lines, "train:objective_loss")).toHaveLength(found(lines, "train:throughput").length);
  });

  test("rmse is the root of mse", async () => {
    const { lines } = await runJob(job(regressor, numbers));
    const [mse, rmse] = [found(lines, "validation:mse")[0], found(lines, "validation:rmse")[0]];
    expect(rmse).toBeCloseTo(Math.sqrt(mse as number), 12);
  });

  test("the recorded lines around them", async () => {
    const { lines } = await runJob({
      ...job(binary, yesNo),
      given: { ...binary, num_models: "2", mini_batch_size: "50" },
    });
    const tails = lines.map((line) => line.replace(/^\[[^\]]*\] /, ""));
    expect(tails).toContainEqual(
      expect.stringMatching(
        /^Best model found for hyperparameters: \{"optimizer": ?"adam", ?"learning_rate": ?[\d.e-]+, ?"l1": ?0, ?"wd": ?[\d.e-]+, ?"lr_scheduler_step": ?\d+, ?"lr_scheduler_factor": ?0\.\d+, ?"lr_scheduler_minimum_lr": ?[\d.e-]+\}$/,
      ),
    );
    expect(tails).toContainEqual(
      expect.stringMatching(
        /^#early_stopping_criteria_metric: host=algo-1, epoch=0, criteria=sampled_accuracy, value=[\d.]+$/,
      ),
    );
    expect(tails).toContainEqual(
      expect.stringMatching(/^#test_score \(algo-1\) : \('binary_classification_accuracy', [\d.]+\)$/),
    );
    const perModel = tails.filter((line) => /^#metrics .*"epoch": 1, "model": [01]\}/.test(line));
    expect(perModel).toHaveLength(4); // two models, train and validation
    expect(perModel[0]).toContain('"train_binary_classification_cross_entropy_objective": {"sum":');
  });

  test("a job without a test channel says so", async () => {
    const { test: _, ...without } = job(regressor, numbers);
    expect((await runJob(without)).lines.some((line) => line.endsWith("Test data is not provided."))).toBe(true);
  });
});

describe("what is learned", () => {
  test("a regression finds the line behind the numbers, in raw units", async () => {
    const { model } = await runJob(job({ ...regressor, epochs: "60" }, numbers));
    const wanted = [3, 3 / 20, -150, 7 - (50 * 3) / 20];
    [...model.linear.weights, ...model.linear.bias].forEach((value, i) => {
      expect(Math.abs(value / (wanted[i] as number) - 1)).toBeLessThan(0.05);
    });
  });

  test.for<[string, Record<string, string>]>([
    ["adam", {}],
    ["sgd with momentum", { optimizer: "sgd", momentum: "0.9", learning_rate: "0.05" }],
    ["rmsprop", { optimizer: "rmsprop" }],
    ["hinge loss", { loss: "hinge_loss" }],
    ["normal initial weights", { init_method: "normal", init_sigma: "0.5", init_bias: "-1" }],
    ["no scheduler", { use_lr_scheduler: "false" }],
    ["one model", { num_models: "1" }],
    ["automatic weight of positives", { positive_example_weight_mult: "auto" }],
  ])("a binary classifier learns with %s", async ([, given]) => {
    const { lines } = await runJob(job({ ...binary, ...given }, yesNo));
    expect(found(lines, "test:binary_classification_accuracy")[0]).toBeGreaterThan(0.9);
  });

  test("sparse rows are learned, and predicted like dense ones", async () => {
    const clear = rows.map((row) => row.map((value, j) => (j === 1 ? (value > 50 ? 1 : 0) : value)));
    const labels = clear.map(([a, b]) => Number((a as number) + 2 * (b as number) - 1 > 0));
    const { lines, directory } = await runJob({
      given: { ...binary, mini_batch_size: "50" },
      train: sparseTable(third(clear, 0), third(labels, 0)),
      validation: denseTable(third(clear, 1), third(labels, 1)),
    });
    expect(found(lines, "validation:binary_classification_accuracy")[0]).toBeGreaterThan(0.95);
    const predictor = await load(directory);
    const dense = predictor.predict(denseTable(clear.slice(0, 20), []).features);
    const sparse = predictor.predict(sparseTable(clear.slice(0, 20), []).features);
    expect(sparse).toEqual(dense);
  });

  test("l1 sets weights of noise to zero, and use_bias=false leaves no bias", async () => {
    const noisy = rows.map((row) => [...row, stream.normal()]);
    const { model } = await runJob({
      given: { ...regressor, num_models: "1", l1: "0.2", use_bias: "false", mini_batch_size: "50", epochs: "40" },
      train: denseTable(noisy, numbers),
    });
    expect(model.linear.weights[3]).toBe(0);
    expect(model.linear.weights[0]).not.toBe(0);
    expect(model.linear.bias[0]).toBe(0);
  });

  test("balanced classes help the rare one", async () => {
    const rare = sums.map((sum) => Number(sum + stream.normal() > 2.2));
    const labels = rare.map((label, i) => (label === 1 ? 2 : (sums[i] as number) > 0 ? 1 : 0));
    const recall = async (balance: string) => {
      const given = { ...multiclass, balance_multiclass_weights: balance, epochs: "30" };
      return found((await runJob(job(given, labels))).lines, "test:macro_recall")[0] as number;
    };
    expect(await recall("true")).toBeGreaterThan(await recall("false"));
  });

  test("equal jobs give equal models, on one core or three", async () => {
    const [first, second] = [await runJob(job(binary, yesNo)), await runJob({ ...job(binary, yesNo), cpus: 3 })];
    expect(second.model).toEqual(first.model);
  });
});

describe("when training ends", () => {
  const epochs = (lines: readonly string[]) => found(lines, "train:throughput").length;

  test("a tuning job's training has one model, whatever was asked", async () => {
    const { lines } = await runJob(job({ ...binary, _tuning_objective_metric: "validation:precision" }, yesNo));
    expect(lines.some((line) => line.includes('"model": 1}'))).toBe(false);
  });

  test("early stopping waits for its patience and no longer", async () => {
    const settled = { ...regressor, epochs: "50", early_stopping_tolerance: "10", early_stopping_patience: "2" };
    // No epoch improves tenfold on the first, so two more follow it.
    expect(epochs((await runJob(job(settled, numbers))).lines)).toBe(3);
    const patient = { ...settled, epochs: "5", early_stopping_patience: "6" };
    expect(epochs((await runJob(job(patient, numbers))).lines)).toBe(5);
  });

  test("a stop leaves a model of the epochs so far", async () => {
    const stop = new AbortController();
    const { lines, model } = await runJob({
      ...job({ ...binary, epochs: "1000", early_stopping_patience: "1001" }, yesNo),
      signal: stop.signal,
      onLine: (line) => {
        if (line.includes("epoch=1,")) stop.abort();
      },
    });
    expect(epochs(lines)).toBe(2);
    expect(model.linear.weights.every(Number.isFinite)).toBe(true);
  });

  test("a checkpoint is gone on from, to the same model as without the break", async () => {
    const checkpointsDirectory = temporaryDirectory();
    const settings = { ...binary, epochs: "6", early_stopping_patience: "7" };
    const whole = await runJob(job(settings, yesNo));
    const stop = new AbortController();
    await runJob({
      ...job(settings, yesNo),
      checkpointsDirectory,
      signal: stop.signal,
      onLine: (line) => {
        if (line.includes("#throughput_metric") && stop.signal.aborted === false) stop.abort();
      },
    });
    // The stop came in the first epoch, which therefore left no checkpoint; one more run, killed after two epochs, does.
    const later = new AbortController();
    let seen = 0;
    await runJob({
      ...job(settings, yesNo),
      checkpointsDirectory,
      signal: later.signal,
      onLine: (line) => {
        if (line.includes("#throughput_metric") && ++seen === 3) later.abort();
      },
    });
    const resumed = await runJob({ ...job(settings, yesNo), checkpointsDirectory });
    expect(resumed.lines.some((line) => line.includes("Resuming from the checkpoint after epoch 1."))).toBe(true);
    expect(epochs(resumed.lines)).toBe(4);
    expect(resumed.model).toEqual(whole.model);
    const other = await runJob({ ...job({ ...settings, wd: "0.1" }, yesNo), checkpointsDirectory });
    expect(epochs(other.lines)).toBe(6);
  });
});

describe("input at fault", () => {
  test.for<[string, Record<string, string>, number[], RegExp]>([
    ["a label that is no class", multiclass, numbers, /Label of row 1 of the train channel is .* from 0 to 2/],
    ["a label beside 0 and 1", binary, kinds, /expects a whole number from 0 to 1/],
    ["a loss of another task", { ...binary, loss: "squared_loss" }, yesNo, /loss squared_loss is not valid/],
    ["no number of classes", { predictor_type: "multiclass_classifier" }, kinds, /num_classes must be given/],
  ])("%s is refused", async ([, given, labels, message]) => {
    await expect(runJob(job(given, labels))).rejects.toThrow(message);
  });

  test("a missing feature is refused with its place", async () => {
    const holes = rows.map((row, i) => (i === 17 ? [0, Number.NaN, 0] : row));
    const train = denseTable(holes, numbers);
    await expect(runJob({ given: regressor, train })).rejects.toThrow(
      "The train channel has a value that is missing or not finite: row 18, feature 2 is NaN.",
    );
  });
});
