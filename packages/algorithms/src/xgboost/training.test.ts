import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { encodeRecordFrames } from "../formats/recordio-protobuf/encode.ts";
import { Booster } from "./library/booster.ts";
import { XGBoostLibrary } from "./library/library.ts";
import { Matrix } from "./library/matrix.ts";
import { sampleRows, testLibrary, toCsv, XGBoostJob } from "./testkit/xgboost-job.ts";

const rows = sampleRows(400);
const held = sampleRows(100, 7);
const settings = { objective: "binary:logistic", num_round: "5", max_depth: "3", seed: "1" };
const probe = held.map(([, ...features]) => features.map((value) => value ?? Number.NaN));

let library: XGBoostLibrary;
beforeAll(() => {
  library = new XGBoostLibrary(testLibrary());
}, 300_000);

/** What the model of a job says of the held-out rows. */
function answers(job: XGBoostJob, file = "xgboost-model", asked = probe): number[] {
  using booster = Booster.create(library);
  booster.load(join(job.root, "model", file));
  const features = { kind: "dense", count: asked.length, width: 4, values: Float32Array.from(asked.flat()) } as const;
  using matrix = Matrix.of(library, features, 1);
  return [...booster.predict(matrix, "value")];
}

async function trained(options: ConstructorParameters<typeof XGBoostJob>[0], environment?: Record<string, string>) {
  const job = new XGBoostJob(options);
  using program = job.train(environment);
  expect(await program.ended(), program.output).toBe(0);
  return { job, output: program.output, [Symbol.dispose]: () => job[Symbol.dispose]() };
}

async function failure(options: ConstructorParameters<typeof XGBoostJob>[0]): Promise<string> {
  using job = new XGBoostJob(options);
  using program = job.train();
  expect(await program.ended(), program.output).toBe(2);
  expect(existsSync(join(job.root, "model/xgboost-model"))).toBe(false);
  return job.read("output/failure") ?? "";
}

const libsvm = rows
  .map(([label, ...x]) => `${label} ${x.flatMap((v, i) => (v === undefined ? [] : [`${i}:${v}`])).join(" ")} # row\n`)
  .join("");
const recordIo = encodeRecordFrames(
  rows.map(([label, ...x]) => {
    const there = x.flatMap((value, key) => (value === undefined ? [] : [{ key, value }]));
    const tensor = {
      type: "float32" as const,
      values: there.map(({ value }) => value),
      keys: there.map(({ key }) => key),
      shape: [4],
    };
    return {
      features: new Map([["values", tensor]]),
      label: new Map([["values", { type: "float32" as const, values: [label] }]]),
    };
  }),
);

test.for<[string, string | undefined, string | Uint8Array]>([
  ["CSV with semicolons", "text/csv; label_size=1", toCsv(rows, ";")],
  ["CSV with tabulators", "csv", toCsv(rows, "\t")],
  ["libsvm, also without a content type", undefined, libsvm],
  ["RecordIO-protobuf, sparse", "application/x-recordio-protobuf", recordIo],
])("%s gives the model that CSV gives", async ([, contentType, content]) => {
  using expected = await trained({
    files: { "train/a": toCsv(rows) },
    hyperparameters: settings,
    contentType: "text/csv",
  });
  const options = contentType === undefined ? {} : { contentType };
  using same = await trained({ files: { "train/a": content }, hyperparameters: settings, ...options });
  expect(answers(same.job)).toEqual(answers(expected.job));
});

test("the log has the rounds, and metrics of our own, as the expressions of the metrics expect them", async () => {
  const { metricDefinitions } = await import("./metrics.ts");
  using run = await trained({
    files: { "train/a": toCsv(rows), "validation/a": toCsv(held) },
    hyperparameters: { ...settings, eval_metric: "auc,error@0.7,accuracy,f1_binary,balanced_accuracy" },
    contentType: "csv",
    instanceType: "ml.p3.2xlarge",
  });
  const last = run.output.split("\n").find((line) => line.startsWith("[4]")) ?? "";
  expect(last).toMatch(/^\[4\]#011train-auc:0\.\d{5}#011train-error@0\.7:0\.\d{5}#011train-accuracy:/);
  const found = metricDefinitions.flatMap(({ name, regex }) => {
    const match = new RegExp(regex).exec(last);
    // As the service reads numbers: what follows in the line is no part of one.
    return match ? [[name, Number.parseFloat(match[1] as string)] as const] : [];
  });
  const predicted = answers(run.job).map((p) => Number(p > 0.5));
  const right = predicted.filter((p, i) => p === held[i]?.[0]).length / held.length;
  expect(Object.fromEntries(found)).toMatchObject({
    "validation:accuracy": right,
    "validation:auc": expect.any(Number),
  });
  expect(found.map(([name]) => name).sort()).toEqual(
    ["validation:accuracy", "validation:auc", "validation:balanced_accuracy", "validation:f1_binary"].sort(),
  );
  expect(run.output).toContain("ml.p3.2xlarge has GPUs on the service; here training runs on the CPU.");
  expect(run.output).toContain("Train matrix has 400 rows and 4 columns");
});

test("a weight of two is the row twice, in CSV and in libsvm", async () => {
  const weighted = rows.map(([label, ...x], i) => [label, i % 3 === 0 ? 2 : 1, ...x]);
  const doubled = rows.flatMap((row, i) => (i % 3 === 0 ? [row, row] : [row]));
  const hyperparameters = { ...settings, min_child_weight: "0", tree_method: "exact" };
  using expected = await trained({ files: { "train/a": toCsv(doubled) }, hyperparameters, contentType: "csv" });
  using csv = await trained({
    files: { "train/a": toCsv(weighted) },
    hyperparameters: { ...hyperparameters, csv_weights: "1" },
    contentType: "csv",
  });
  const text = weighted
    .map(
      ([label, w, ...x]) => `${label}:${w} ${x.flatMap((v, i) => (v === undefined ? [] : [`${i}:${v}`])).join(" ")}\n`,
    )
    .join("");
  using svm = await trained({ files: { "train/a": text }, hyperparameters, contentType: "text/libsvm" });
  for (const { job } of [csv, svm]) {
    for (const [i, value] of answers(job).entries()) expect(value).toBeCloseTo(answers(expected.job)[i] as number, 5);
  }
});

test("early stopping keeps the best rounds", async () => {
  const hyperparameters = {
    ...settings,
    num_round: "200",
    max_depth: "8",
    eta: "1",
    eval_metric: "logloss",
    early_stopping_rounds: "3",
  };
  using run = await trained({
    files: { "train/a": toCsv(rows), "validation/a": toCsv(held) },
    hyperparameters,
    contentType: "csv",
  });
  const scores = [...run.output.matchAll(/^\[(\d+)\].*#011validation-logloss:(\S+)/gm)].map((match) =>
    Number(match[2]),
  );
  const best = scores.indexOf(Math.min(...scores));
  expect(scores.length).toBe(best + 4);
  using again = await trained({
    files: { "train/a": toCsv(rows) },
    hyperparameters: { ...settings, max_depth: "8", eta: "1", num_round: String(best + 1) },
    contentType: "csv",
  });
  expect(answers(run.job)).toEqual(answers(again.job));
});

test("a run that was killed goes on from the newest checkpoint that can be read, to the model that one run gives", async () => {
  const files = { "train/a": toCsv(rows), "validation/a": toCsv(held) };
  const hyperparameters = { ...settings, eval_metric: "logloss", early_stopping_rounds: "1000", num_round: "1000000" };
  using job = new XGBoostJob({ files, contentType: "csv", checkpoints: true, hyperparameters });
  using first = job.train();
  await first.printed("[7]#011");
  first.signal("SIGKILL");
  expect(await first.ended()).toBe("SIGKILL");
  const written = readdirSync(join(job.root, "checkpoints")).flatMap(
    (name) => /^xgboost-checkpoint\.(\d+)$/.exec(name)?.[1] ?? [],
  );
  const newest = Math.max(...written.map(Number));
  expect(newest).toBeGreaterThanOrEqual(6);
  expect(written.length).toBeLessThanOrEqual(6); // the sixth is there until the oldest is removed
  const ended = { ...hyperparameters, num_round: String(newest + 4) };
  job.write(`checkpoints/xgboost-checkpoint.${newest + 1}`, "cut off");
  job.write("input/config/hyperparameters.json", ended);
  using second = job.train();
  expect(await second.ended(), second.output).toBe(0);
  expect(second.output).toContain(`The checkpoint of iteration ${newest + 1} cannot be read`);
  expect(second.output).toContain(`resuming from iteration ${newest + 1}`);
  expect(second.output).not.toContain(`[${newest}]#011`);
  using whole = await trained({ files, contentType: "csv", hyperparameters: ended });
  expect(answers(job)).toEqual(answers(whole.job));
}, 60_000);

test("the order of rows does not matter, nor does the scale of a feature", async () => {
  const hyperparameters = { ...settings, tree_method: "exact" };
  const run = (content: typeof rows) =>
    trained({ files: { "train/a": toCsv(content) }, hyperparameters, contentType: "csv" });
  using plain = await run(rows);
  using reversed = await run(rows.toReversed());
  using scaled = await run(rows.map(([label, a, b, c, d]) => [label, a, b, c, d === undefined ? d : d * 1024]));
  for (const [i, value] of answers(plain.job).entries()) expect(answers(reversed.job)[i]).toBeCloseTo(value, 6);
  const wide = probe.map(([a, b, c, d]) => [a, b, c, (d as number) * 1024] as number[]);
  expect(answers(scaled.job, "xgboost-model", wide)).toEqual(answers(plain.job));
});

test("SIGTERM leaves the model of the last round", async () => {
  using job = new XGBoostJob({
    files: { "train/a": toCsv(rows) },
    hyperparameters: { ...settings, num_round: "1000000" },
    contentType: "csv",
  });
  using program = job.train();
  await program.printed("[3]#011");
  program.signal("SIGTERM");
  expect(await program.ended(), program.output).toBe(0);
  expect(answers(job)).toHaveLength(held.length);
});

test("hosts with shares of the rows make the model of one host; a host without rows stays out", async () => {
  const all = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  const hyperparameters = { ...settings, eval_metric: "logloss,accuracy" };
  const shares = [
    { "train/a": toCsv(rows.slice(0, 150)), "validation/a": toCsv(held) },
    {},
    { "train/b": toCsv(rows.slice(150)) },
  ];
  using one = await trained({
    files: { "train/a": toCsv(rows), "validation/a": toCsv(held) },
    hyperparameters,
    contentType: "csv",
  });
  const jobs = shares.map(
    (files, i) =>
      new XGBoostJob({
        files: { ...files, "validation/none": "" },
        hyperparameters,
        contentType: "csv",
        hosts: { current: all[i] as string, all },
      }),
  );
  try {
    const programs = jobs.map((job) => job.train());
    for (const program of programs) expect(await program.ended(), program.output).toBe(0);
    expect(programs[1]?.output).toContain("takes no part in training");
    const [leader, idle, other] = jobs as [XGBoostJob, XGBoostJob, XGBoostJob];
    for (const job of [idle, other]) expect(existsSync(join(job.root, "model/xgboost-model"))).toBe(false);
    for (const [i, value] of answers(leader).entries()) expect(value).toBeCloseTo(answers(one.job)[i] as number, 5);
    const rounds = (text: string) => [...text.matchAll(/^\[\d+\]#011.*$/gm)].map(([line]) => line);
    expect(rounds(programs[0]?.output ?? "")).toEqual(rounds(one.output));
    expect(rounds(programs[2]?.output ?? "")).toEqual([]);
  } finally {
    for (const job of jobs) job[Symbol.dispose]();
  }
}, 60_000);

test("cross-validation makes a model for each fold and predicts each row once", async () => {
  const hyperparameters = { ...settings, _kfold: "3", eval_metric: "error" };
  using run = await trained({
    files: { "train/a": toCsv(rows), "validation/a": toCsv(held) },
    hyperparameters,
    contentType: "csv",
  });
  expect([0, 1, 2].map((n) => answers(run.job, `xgboost-model-${n}`).length)).toEqual([100, 100, 100]);
  expect(run.output).toMatch(/^\[5\]#011train-error:0\.\d+#011validation-error:0\.\d+$/m);
  const lines = readFileSync(join(run.job.root, "output/data/predictions.csv"), "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(500);
  const right = lines.filter((line) => line.split(",")[0] === line.split(",")[2]).length;
  expect(right / 500).toBeGreaterThan(0.8);
});

const good = toCsv(rows.slice(0, 20));
test.for<[string, Record<string, string>, Record<string, string>, string]>([
  ["no file", {}, {}, "Channel 'train' has no files."],
  [
    "a ragged row",
    { "train/a.csv": "1,2,3\n0,1\n" },
    {},
    "train/a.csv, line 2: expected 3 values as in the first row, found 2",
  ],
  ["text", { "train/a.csv": "1,2,3\n0,x,1\n" }, {}, "train/a.csv, line 2: value 2 is not a number: 'x'"],
  ["a header", { "train/a.csv": "y,a,b\n0,2,1\n" }, {}, "line 1"],
  [
    "a label that is missing",
    { "train/a.csv": ",2,3\n0,2,1\n" },
    {},
    "Channel 'train', row 1: the label must be in [0,1] for binary:logistic, and it is missing",
  ],
  [
    "a label out of range",
    { "train/a.csv": `${good}7,1,1,1,1\n` },
    {},
    "Channel 'train', row 21: the label must be in [0,1] for binary:logistic, and it is 7",
  ],
  [
    "a class out of range",
    { "train/a.csv": `${good}3,1,1,1,1\n` },
    { objective: "multi:softprob", num_class: "3" },
    "row 21: the label must be a whole number in [0, num_class), which is [0, 3)",
  ],
  [
    "a weight out of range",
    { "train/a.csv": "1,-1,3\n" },
    { csv_weights: "1" },
    "Channel 'train', row 1: the weight must be a number >= 0, and it is -1",
  ],
  ["an infinite feature", { "train/a.csv": "1,inf,3\n0,1,2\n" }, {}, "inf"],
  [
    "a wider validation row",
    { "train/a.csv": good, "validation/b.csv": "1,2\n" },
    {},
    "validation/b.csv: the first row has 1 features where 4 were expected",
  ],
  ["a hidden file", { "train/a.csv": good, "train/.DS_Store": "x" }, {}, "hidden file .DS_Store"],
  ["an unknown channel", { "train/a.csv": good, "test/a.csv": good }, {}, "Extraneous channel found: test"],
  [
    "classes without a number",
    { "train/a.csv": good },
    { objective: "multi:softmax" },
    "Require input for parameter 'num_class' for multi-classification",
  ],
  [
    "auc of classes",
    { "train/a.csv": good },
    { objective: "multi:softmax", num_class: "3", eval_metric: "auc" },
    "Metric 'auc' can only be applied",
  ],
  [
    "accuracy of numbers",
    { "train/a.csv": good },
    { objective: "reg:squarederror", eval_metric: "accuracy" },
    "Metric 'accuracy' can only be applied for classification",
  ],
  [
    "an unknown metric",
    { "train/a.csv": good },
    { eval_metric: "auc,nonesuch" },
    "Hyperparameter eval_metric: 'nonesuch'",
  ],
  [
    "constraints of another method",
    { "train/a.csv": good },
    { monotone_constraints: "(1,0,0,0)" },
    "monotone_constraints can be used only when tree_method is exact or hist",
  ],
  [
    "constraints of another form",
    { "train/a.csv": good },
    { tree_method: "hist", monotone_constraints: "__import__('os')" },
    "is not a tuple of -1, 0 and 1",
  ],
  [
    "two growers",
    { "train/a.csv": good },
    { updater: "grow_colmaker,grow_histmaker" },
    "only one of grow_colmaker, grow_histmaker",
  ],
  [
    "several faults",
    { "train/a.csv": good },
    { eta: "1.5", gamma: "x", nonesuch: "1" },
    "Extraneous hyperparameter found: nonesuch; Hyperparameter eta: 1.5 is not in [0, 1]; Hyperparameter gamma: could not parse value",
  ],
])("%s ends the job with what was wrong", async ([, files, changes, expected]) => {
  expect(await failure({ files, hyperparameters: { ...settings, ...changes }, contentType: "text/csv" })).toContain(
    expected,
  );
});

test("faults of libsvm and of content types are told as well", async () => {
  const files = { "train/a.svm": "1 0:1 1:2\n0 0:1 x\n" };
  expect(await failure({ files, hyperparameters: settings, contentType: "libsvm" })).toBe(
    "train/a.svm, line 2: expected INDEX:VALUE, found 'x'.",
  );
  expect(await failure({ files, hyperparameters: settings, contentType: "text/csv;label_size=2" })).toContain(
    "label_size must be 1",
  );
  expect(await failure({ files, hyperparameters: settings, contentType: "application/json" })).toContain(
    "'application/json' is not valid",
  );
  expect(
    await failure({ files: { "train/a.parquet": "PAR1 no" }, hyperparameters: settings, contentType: "parquet" }),
  ).toContain("train/a.parquet cannot be read as Parquet");
});
