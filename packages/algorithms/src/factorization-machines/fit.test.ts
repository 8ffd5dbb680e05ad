import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeRecordFrames } from "../formats/recordio-protobuf/encode.ts";
import { readRequest } from "../job/serving/read-request.ts";
import { writeResponse } from "../job/serving/write-response.ts";
import { randomStream } from "../numerics/random.ts";
import { denseOf, recordIoOf, type TestRows } from "../testkit/row-files.ts";
import { type FitJob, runFit } from "../testkit/run-fit.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import { loadModel } from "./artifact.ts";
import { factorizationMachines } from "./factorization-machines.ts";

const contentType = "application/x-recordio-protobuf";

/** Who likes what: a user and an item are on or off the same of two sides. No linear model sees more than noise. */
function tastes(count: number, seed: number): TestRows {
  const random = randomStream(seed);
  const pick = (most: number) => Math.floor(random.uniform() * most);
  const rows = Array.from({ length: count }, () => ({ user: pick(20), item: pick(10) }));
  return {
    features: rows.map(({ user, item }) => Array.from({ length: 30 }, (_, j) => Number(j === user || j === 20 + item))),
    labels: rows.map(({ user, item }) => Number(user % 2 === item % 2)),
  };
}

const rows = tastes(600, 1);
const classifier = {
  predictor_type: "binary_classifier",
  feature_dim: "30",
  num_factors: "2",
  epochs: "60",
  mini_batch_size: "50",
  linear_lr: "0.02",
  factors_lr: "0.02",
  factors_init_sigma: "0.1",
};
const fit = (more: Readonly<Record<string, string>> = {}, train = rows, job: Partial<FitJob> = {}) =>
  runFit(factorizationMachines, {
    given: { ...classifier, ...more },
    contentType,
    channels: { train: { "rows.pbr": recordIoOf(train, true) } },
    ...job,
  });
const tails = (lines: readonly string[]) => lines.map((line) => line.replace(/^\[[^\]]*\] /, ""));
const asked = { acceptParameters: new Map<string, string>() };

describe("what is learned", () => {
  test("tastes that only pairs of features tell, for rows that were not seen", async () => {
    const held = tastes(300, 2);
    const channels = { train: { "rows.pbr": recordIoOf(rows, true) }, test: { "rows.pbr": recordIoOf(held, true) } };
    const result = await fit({}, rows, { channels });
    expect(result.metric("test:binary_classification_accuracy")).toEqual([1]);
    expect(result.metric("test:binary_f_beta")).toEqual([1]);
    const { columns } = (await result.load()).predict(denseOf(held), asked);
    const [score, label] = columns.map(({ values }) => values);
    expect([...(label ?? [])]).toEqual(held.labels);
    // The mean of -log of what each label was given, from the answers themselves.
    const entropy = (held.labels ?? []).reduce((sum, each, i) => {
      const probability = score?.[i] as number;
      return sum - Math.log(each === 1 ? probability : 1 - probability);
    }, 0);
    const said = result.metric("test:binary_classification_cross_entropy")[0] as number;
    expect(said).toBeCloseTo(entropy / held.features.length, 4);
  });

  test("a classifier without interactions is no better than guessing on them", async () => {
    const { metric } = await fit({ factors_init_method: "constant", factors_init_value: "0" });
    expect(metric("train:binary_classification_accuracy").at(-1)).toBeLessThan(0.65);
  });

  test.for<[string, Record<string, string>]>([
    ["uniform", { factors_init_method: "uniform", factors_init_scale: "0.2", linear_init_method: "uniform" }],
    ["constant where that is enough", { bias_init_method: "constant", linear_init_method: "constant" }],
    ["with gradients cut and rescaled", { clip_gradient: "0.01", rescale_grad: "0.02", eps: "0.0001" }],
    ["without weight decay", { bias_wd: "0", linear_wd: "0", factors_wd: "0" }],
    ["in mini-batches larger than the data", { mini_batch_size: "100000", epochs: "400" }],
    ["with an eps of nothing", { eps: "0" }],
  ])("the same, %s", async ([, more]) => {
    const { metric } = await fit(more);
    expect(metric("train:binary_classification_accuracy").at(-1)).toBeGreaterThan(0.99);
  });

  test("a regression with its pairs", async () => {
    const labels = rows.labels?.map((label, i) => 10 * label + (rows.features[i]?.indexOf(1) ?? 0) / 10);
    const given = { predictor_type: "regressor", epochs: "200", bias_lr: "0.5", linear_lr: "0.1", factors_lr: "0.1" };
    const result = await fit(given, { ...rows, ...(labels === undefined ? {} : { labels }) });
    expect(result.metric("train:rmse").at(-1)).toBeLessThan(0.5); // of labels that deviate by 5
    const { columns } = (await result.load()).predict(denseOf(rows), asked);
    expect(columns.map(({ name }) => name)).toEqual(["score"]);
  });
});

describe("how it begins", () => {
  const still = { bias_lr: "0", linear_lr: "0", factors_lr: "0", epochs: "1" };
  const begun = async (more: Record<string, string>) => {
    const { model } = await fit({ ...still, num_factors: "50", ...more });
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "model_algo-1"), model["model_algo-1"] as Buffer);
    return (await loadModel(directory)).parameters;
  };
  const deviation = (values: Float32Array) =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

  test("normal by default, with the service's deviations", async () => {
    const { bias, linear, factors } = await begun({});
    expect(Math.abs(bias)).toBeLessThan(0.05);
    // 30 and 1,500 draws: within three standard errors.
    expect(deviation(linear) / 0.01).toBeCloseTo(1, 0);
    expect(deviation(factors) / 0.1).toBeCloseTo(1, 1);
    expect(factors.some((value) => value > 0.2)).toBe(true);
  });

  test("uniform within its scale, constant at its value", async () => {
    const { bias, linear, factors } = await begun({
      ...{ bias_init_method: "constant", bias_init_value: "-2.5" },
      ...{ linear_init_method: "constant", linear_init_value: "0.25" },
      ...{ factors_init_method: "uniform", factors_init_scale: "0.5" },
    });
    expect(bias).toBe(-2.5);
    expect(linear.every((value) => value === 0.25)).toBe(true);
    expect(Math.max(...factors)).toBeLessThanOrEqual(0.5);
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(-0.5);
    expect(deviation(factors) / (0.5 / Math.sqrt(3))).toBeCloseTo(1, 1);
  });

  test.for([
    [{ factors_init_method: "constant" }, "All factors begin at 0 and stay there: the model will be linear."],
    [
      { factors_init_method: "constant", factors_init_value: "0.1" },
      "All factors of a feature begin alike and stay alike: 2 factors do the work of one.",
    ],
  ] as const)("a start that factors cannot leave is told: %j", async ([more, line]) => {
    const { lines } = await fit({ ...more, epochs: "1" });
    expect(tails(lines)).toContain(line);
    expect(tails((await fit({ epochs: "1" })).lines).join()).not.toContain("All factors");
  });
});

describe("faults", () => {
  test.for([
    [
      "binary_classifier",
      2,
      "Label of row 8 of the train channel is 2; predictor_type binary_classifier expects 0 or 1.",
    ],
    [
      "regressor",
      Number.NaN,
      "Label of row 8 of the train channel is NaN; predictor_type regressor expects a finite number.",
    ],
  ] as const)("a %s refuses the label %f", async ([predictor_type, label, message]) => {
    const labels = rows.labels?.map((each, i) => (i === 7 ? label : each)) ?? [];
    await expect(fit({ predictor_type }, { ...rows, labels })).rejects.toThrow(message);
  });

  test("CSV is refused, in training and in requests", async () => {
    const csv = { contentType: "text/csv", channels: { train: { "rows.csv": "1,2\n" } } };
    await expect(fit({}, rows, csv)).rejects.toThrow(
      "ContentType of channel 'train' must be one of 'application/x-recordio-protobuf'",
    );
    expect(() => readRequest("text/csv", Buffer.from("1,2"), 2, factorizationMachines.requestTypes)).toThrow(
      expect.objectContaining({
        status: 415,
        message:
          "Content-Type 'text/csv' is not supported: expected one of application/json, application/jsonlines, application/x-recordio-protobuf.",
      }),
    );
  });

  test("another feature_dim than the data has", async () => {
    await expect(fit({ feature_dim: "31" })).rejects.toThrow(
      "train/rows.pbr, record 1 has 30 features where 31 were expected",
    );
  });

  test("numbers that grow beyond bounds", async () => {
    const features = rows.features.map((row) => row.map((value) => value * 1e30));
    await expect(fit({}, { ...rows, features })).rejects.toThrow(
      /^Training has diverged: binary_classification_cross_entropy of epoch 0 is (NaN|Infinity)\. Lower bias_lr, linear_lr/,
    );
  });

  test("more parameters than the run has memory for", async () => {
    const more = { feature_dim: "1000000", num_factors: "100" };
    await expect(fit(more, rows, { memoryBytes: 64 * 2 ** 20 })).rejects.toThrow(
      "A feature_dim of 1000000 with 100 num_factors takes 2354 MiB while it is learned and written, and this instance has 64 MiB.",
    );
  });
});

test("several threads give the model of one", async () => {
  const part = recordIoOf(rows, true);
  // Some 5 MB: both reading and the kernel use a thread more.
  const files = Buffer.concat(Array.from({ length: 150 }, () => part));
  const job = { channels: { train: { "rows.pbr": files } } };
  expect(files.length).toBeGreaterThan(4 * 2 ** 20);
  const [one, two] = await Promise.all([1, 2].map((cpus) => fit({ epochs: "2" }, rows, { ...job, cpus })));
  expect(two?.model).toEqual(one?.model);
});

test("a GPU instance trains on the CPU, and says so", async () => {
  const { lines } = await fit({ epochs: "1" }, rows, { instanceType: "ml.p3.2xlarge" });
  expect(tails(lines)).toContain("ml.p3.2xlarge has GPUs on the service; here training runs on the CPU.");
});

test("a stop leaves the model as it is, and says how good that is", async () => {
  const stop = new AbortController();
  const onLine = (line: string) => {
    if (line.includes("epoch=3, train")) stop.abort(new Error("stopped"));
  };
  const { model, metric } = await fit({}, rows, { signal: stop.signal, onLine });
  expect(Object.keys(model)).toEqual(["model_algo-1"]);
  expect(metric("train:progress").at(-1)).toBeLessThan(10);
});

test("the recorded lines", async () => {
  const channels = { train: { "a.pbr": recordIoOf(rows, true) }, test: { "a.pbr": recordIoOf(rows, false) } };
  const { lines, metric } = await fit({ epochs: "4" }, rows, { channels });
  const shown = tails(lines).map((line) => line.replace(/=[\d.e-]+$/, "=X").replace(/, [\d.e-]+\)$/, ", X)"));
  for (const line of [
    "#quality_metric: host=algo-1, epoch=0, batch=0 train binary_classification_accuracy <score>=X",
    "#quality_metric: host=algo-1, epoch=3, train binary_classification_accuracy <score>=X",
    "#quality_metric: host=algo-1, epoch=3, train binary_classification_cross_entropy <loss>=X",
    "#quality_metric: host=algo-1, epoch=3, train binary_f_1.000 <score>=X",
    "#progress_metric: host=algo-1, completed 25 % of epochs",
    "#progress_metric: host=algo-1, completed 100 % of epochs",
    "#train_score (algo-1) : ('binary_classification_accuracy', X)",
    "#test_score (algo-1) : ('binary_classification_cross_entropy', X)",
    "#quality_metric: host=algo-1, test binary_classification_accuracy <score>=X",
    "#quality_metric: host=algo-1, test binary_classification_cross_entropy <loss>=X",
    "#quality_metric: host=algo-1, test binary_f_1.000 <score>=X",
  ]) {
    expect(shown).toContain(line);
  }
  expect(metric("train:binary_classification_cross_entropy")).toHaveLength(4);
  expect(
    shown.some((line) => line.startsWith("#metrics") && line.includes('"Algorithm": "factorization-machines"')),
  ).toBe(true);
});

test("answers in every type, from sparse and dense requests", async () => {
  const predictor = await (await fit()).load();
  const answer = (type: string, body: string | Buffer, accept: "application/json" | "application/jsonlines") => {
    const { rows: read } = readRequest(type, Buffer.from(body), 30, factorizationMachines.requestTypes);
    return String(writeResponse(predictor.predict(read, asked), accept, factorizationMachines.response));
  };
  const sparse = '{"data":{"features":{"keys":[3,21],"shape":[30],"values":[1,1]}}}';
  const dense = JSON.stringify({ features: Array.from({ length: 30 }, (_, j) => Number(j === 3 || j === 21)) });
  const json = answer("application/json", `{"instances":[${sparse},${dense}]}`, "application/json");
  const [one, two] = (JSON.parse(json) as { predictions: object[] }).predictions;
  expect(Object.keys(one ?? {})).toEqual(["score", "predicted_label"]);
  expect(one).toMatchObject({ predicted_label: 1 });
  expect(two).toEqual(one);
  const lines = answer("application/jsonlines", `${sparse}\n${dense}`, "application/jsonlines");
  expect(lines).toBe(`${JSON.stringify(one)}\n${JSON.stringify(one)}`);
  const record = encodeRecordFrames([
    {
      features: new Map([["values", { type: "float32", values: [1, 1], keys: [3, 21], shape: [30] }]]),
      label: new Map(),
    },
  ]);
  expect(answer("application/x-recordio-protobuf", record, "application/json")).toBe(
    `{"predictions":[${JSON.stringify(one)}]}`,
  );
});
