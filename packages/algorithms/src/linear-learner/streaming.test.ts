import { describe, expect, test } from "vitest";
import { randomStream } from "../numerics/random.ts";
import { csvOf, recordIoOf, type TestRows } from "../testkit/row-files.ts";
import { type FitJob, runFit } from "../testkit/run-fit.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import { linearLearner } from "./linear-learner.ts";

const width = 5;
/** Of this run, a channel may keep 16 KiB: less than each of the channels below takes, and less than the rows of the first block. */
const little = 32 * 1024;

function rowsOf(predictor: string, count: number, seed: number): TestRows {
  const stream = randomStream(seed);
  const features = Array.from({ length: count }, (_, i) =>
    Array.from({ length: width }, (_, j) => ((i + j) % 3 === 0 ? 0 : 10 * j + stream.normal())),
  );
  const sums = features.map((row) => row.reduce((sum, value, j) => sum + (j % 2 === 0 ? value : -value) / (1 + j), 0));
  const noisy = sums.map((sum) => sum + stream.normal());
  const labels =
    predictor === "regressor"
      ? noisy
      : noisy.map((sum) => (predictor === "binary_classifier" ? Number(sum > -5) : sum > 0 ? 2 : sum > -9 ? 1 : 0));
  return { features, labels };
}

const recordIo = "application/x-recordio-protobuf";
const forms = {
  csv: { contentType: "text/csv", ending: "csv", write: csvOf },
  dense: { contentType: recordIo, ending: "pbr", write: (rows: TestRows) => recordIoOf(rows, false) },
  sparse: { contentType: recordIo, ending: "pbr", write: (rows: TestRows) => recordIoOf(rows, true) },
  both: {
    contentType: recordIo,
    ending: "pbr",
    write: ({ features, labels = [] }: TestRows) =>
      Buffer.concat(features.map((row, i) => recordIoOf({ features: [row], labels: [labels[i] ?? 0] }, i % 4 !== 0))),
  },
} as const;

/** Two files for training, one for each of the others. */
function jobOf(
  given: Record<string, string>,
  form: keyof typeof forms,
  names = ["train", "validation", "test"],
): FitJob {
  const { contentType, ending, write } = forms[form];
  const predictor = given["predictor_type"] ?? "";
  const channels = Object.fromEntries(
    names.map((name, seed) => [
      name,
      {
        [`a.${ending}`]: write(rowsOf(predictor, 1500 - 300 * seed, 7 + seed)),
        ...(name === "train" ? { [`b.${ending}`]: write(rowsOf(predictor, 333, 99)) } : {}),
      },
    ]),
  );
  return { given: { mini_batch_size: "70", epochs: "4", num_models: "6", ...given }, channels, contentType };
}

/** What a job prints besides times. */
const figures = (lines: readonly string[]) =>
  lines
    .map((line) => line.replace(/^\[[^\]]*\] /, ""))
    .filter((line) => /^#(quality|early_stopping|\w+_score)/.test(line));

const regressor = { predictor_type: "regressor" };
const binary = { predictor_type: "binary_classifier" };
const multiclass = { predictor_type: "multiclass_classifier", num_classes: "3" };

describe("rows that do not fit give the model and the figures of rows that do", () => {
  test.for<[string, Record<string, string>, keyof typeof forms, string[]?]>([
    ["a regression", regressor, "csv"],
    ["a regression without held-out rows", { ...regressor, loss: "huber_loss", num_models: "1" }, "dense", ["train"]],
    ["a classification", { ...binary, positive_example_weight_mult: "balanced" }, "csv"],
    ["a classification calibrated on training rows", binary, "csv", ["train"]],
    ["calibration on some rows", { ...binary, num_calibration_samples: "500" }, "csv"],
    ["several classes", { ...multiclass, balance_multiclass_weights: "true" }, "csv"],
    ["sparse rows", binary, "sparse"],
    ["sparse rows of several classes", multiclass, "sparse", ["train", "validation"]],
    ["rows of both kinds", { ...regressor, num_point_for_scaler: "100" }, "both"],
  ])("%s", async ([, given, form, names]) => {
    const job = jobOf(given, form, names);
    const whole = await runFit(linearLearner, job);
    const streamed = await runFit(linearLearner, { ...job, memoryBytes: little });
    expect(streamed.lines.join("\n")).toMatch(/rows of the train channel do not fit into memory/);
    expect(whole.lines.join("\n")).not.toContain("do not fit");
    expect(figures(streamed.lines)).toEqual(figures(whole.lines));
    expect(streamed.model).toEqual(whole.model);
    const onThree = await runFit(linearLearner, { ...job, memoryBytes: little, cpus: 3 });
    expect(onThree.model).toEqual(whole.model);
  });

  test("a small channel is kept beside a large one", async () => {
    const job = jobOf(binary, "csv");
    const small = { "a.csv": csvOf(rowsOf("binary_classifier", 200, 5)) };
    const beside = { ...job, channels: { ...job.channels, validation: small } };
    const streamed = await runFit(linearLearner, { ...beside, memoryBytes: little });
    const spoken = streamed.lines.flatMap((line) => /of the (\w+) channel do not fit/.exec(line)?.[1] ?? []);
    expect(spoken).toEqual(["train", "test"]);
    expect(streamed.model).toEqual((await runFit(linearLearner, beside)).model);
  });
});

describe("a job over rows that do not fit", () => {
  const large = (given: Record<string, string>, form: keyof typeof forms = "csv"): FitJob => ({
    ...jobOf({ epochs: "6", early_stopping_patience: "9", ...given }, form),
    memoryBytes: little,
  });

  test("goes on from its checkpoint to the same model", async () => {
    const wanted = await runFit(linearLearner, large(binary));
    const checkpointsDirectory = temporaryDirectory();
    const stop = new AbortController();
    let epochs = 0;
    const onLine = (line: string) => {
      if (line.includes("#throughput_metric") && ++epochs === 3) stop.abort(new Error("stopped"));
    };
    await runFit(linearLearner, { ...large(binary), checkpointsDirectory, signal: stop.signal, onLine });
    const resumed = await runFit(linearLearner, { ...large(binary), checkpointsDirectory });
    expect(resumed.lines.join("\n")).toContain("Resuming from the checkpoint after epoch 1.");
    expect(resumed.model).toEqual(wanted.model);
  });

  test.for([
    ["an epoch", "#throughput_metric", /model is written, and was not measured on the test channel/],
    ["the model", "Best model found", /model is written, and was not measured on the train channel/],
  ] as const)("stopped after %s leaves a model, and says what it left out", async ([, line, said]) => {
    const stop = new AbortController();
    const onLine = (text: string) => {
      if (text.includes(line)) stop.abort(new Error("stopped"));
    };
    const { lines, model, load } = await runFit(linearLearner, { ...large(binary), signal: stop.signal, onLine });
    expect(Object.keys(model)).toHaveLength(1);
    expect(lines.join("\n")).toMatch(said);
    expect((await load()).featureDim).toBe(width);
  });

  test("stopped before anything was learned ends with the signal's reason", async () => {
    const stop = new AbortController();
    const reason = new Error("stopped");
    const onLine = (text: string) => {
      if (text.includes("do not fit")) stop.abort(reason);
    };
    await expect(runFit(linearLearner, { ...large(binary), signal: stop.signal, onLine })).rejects.toBe(reason);
  });

  test.for<[string, string, string, string]>([
    [
      "a label",
      "train",
      "7,1,2,3,4,5\n",
      "Label of row 1834 of the train channel is 7; predictor_type binary_classifier",
    ],
    [
      "a missing value",
      "train",
      "1,1,2,,4,5\n",
      "The train channel has a value that is missing or not finite: row 1834, feature 3",
    ],
    [
      "infinity in held-out rows",
      "validation",
      "1,1,2,3,4,1e99\n",
      "The validation channel has a value that is missing or not finite: row 1201, feature 5",
    ],
    ["a row of another width", "test", "1,2,3\n", "test/b.csv, line 1"],
    ["text", "test", "1,1,2,3,4,five\n", "test/b.csv, line 1: value 6 is not a number: 'five'"],
  ])("%s at fault is named with its place, before training begins", async ([, channel, row, message]) => {
    const job = large(binary);
    const files = job.channels[channel] ?? {};
    const [name, more] = channel === "train" ? ["c.csv", files] : ["b.csv", files];
    const lines: string[] = [];
    const faulty = { ...job, channels: { ...job.channels, [channel]: { ...more, [name]: row } } };
    const run = runFit(linearLearner, { ...faulty, onLine: (line) => void lines.push(line) });
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toMatchObject({ name: "CustomerError" });
    expect(lines.join("\n")).not.toContain("epoch=");
  });

  test("held-out rows of another width than the training rows are refused", async () => {
    const job = large(regressor);
    const wide = Array.from({ length: 900 }, (_, i) => `${i},1,2,3,4,5,6\n`).join("");
    const channels = { ...job.channels, validation: { "rows.csv": wide } };
    await expect(runFit(linearLearner, { ...job, channels })).rejects.toThrow(
      "The validation channel has 6 features where the 5 of the train channel were expected.",
    );
  });
});
