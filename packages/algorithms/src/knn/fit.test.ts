import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeRecordFrames } from "../formats/recordio-protobuf/encode.ts";
import { writeResponse } from "../job/serving/write-response.ts";
import { randomStream } from "../numerics/random.ts";
import { csvOf, denseOf, type TestRows } from "../testkit/row-files.ts";
import { type FitResult, loadPredictor, runFit } from "../testkit/run-fit.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import { testOpenBlas } from "../testkit/wheels.ts";
import { knn } from "./knn.ts";

/** Rows of four classes around places of their own. */
function classes(count: number, seed: number, width = 6): Required<TestRows> {
  const random = randomStream(seed);
  const labels = Array.from({ length: count }, (_, i) => i % 4);
  const features = labels.map((label) =>
    Array.from({ length: width }, (_, j) => (j % 4 === label ? 4 : 0) + random.normal()),
  );
  return { features, labels };
}

const rows = classes(600, 1);
const held = classes(100, 2);
const given = { k: "5", sample_size: "10000", predictor_type: "classifier" };
const fit = (more: Record<string, string> = {}, train: TestRows = rows, test_?: TestRows, extra = {}) =>
  runFit(knn, {
    given: { ...given, ...more },
    contentType: "text/csv",
    channels: {
      train: { "rows.csv": csvOf(train) },
      ...(test_ === undefined ? {} : { test: { "rows.csv": csvOf(test_) } }),
    },
    ...extra,
  });
const tails = (lines: readonly string[]) => lines.map((line) => line.replace(/^\[[^\]]*\] /, ""));
const plain = { acceptParameters: new Map<string, string>() };
const verbose = { acceptParameters: new Map([["verbose", "true"]]) };
const metadataOf = ({ model }: FitResult) => JSON.parse(String(model["model_algo-1.json"]));

async function answers(result: FitResult, asked: TestRows = held) {
  const { columns } = (await result.load()).predict(denseOf(asked), verbose);
  const of = (name: string) => columns.find((column) => column.name === name)?.values as Float32Array;
  return { predicted: of("predicted_label"), distances: of("distances"), labels: of("labels") };
}

describe("plain classes are told apart", () => {
  test.for<[string, Record<string, string>]>([
    ["by a flat index", {}],
    ["by products", { index_metric: "INNER_PRODUCT" }],
    ["by angles", { index_metric: "COSINE" }],
    ["by lists", { index_type: "faiss.IVFFlat" }],
    ["by as many lists as asked for", { index_type: "faiss.IVFFlat", faiss_index_ivf_nlists: "10" }],
    ["by lists and products", { index_type: "faiss.IVFFlat", index_metric: "INNER_PRODUCT" }],
    ["by lists and angles", { index_type: "faiss.IVFFlat", index_metric: "COSINE" }],
    ["by codes", { index_type: "faiss.IVFPQ", faiss_index_pq_m: "3" }],
    ["by codes of parts that do not divide the width", { index_type: "faiss.IVFPQ", faiss_index_pq_m: "4" }],
    ["in fewer features, by signs", { dimension_reduction_type: "sign", dimension_reduction_target: "5" }],
    ["in fewer features, by a transform", { dimension_reduction_type: "fjlt", dimension_reduction_target: "5" }],
    ["of a sample", { sample_size: "300" }],
  ])("%s", async ([, more]) => {
    const { metric } = await fit(more, rows, held);
    // The places are 5.7 apart and each feature spreads by 1: a classifier that guesses has 0.25.
    expect(metric("test:accuracy")[0]).toBeGreaterThan(0.85);
  });
});

test("more neighbours than the probed lists hold are found in the others", async () => {
  const more = { index_type: "faiss.IVFFlat", faiss_index_ivf_nlists: "100", _faiss_index_nprobe: "1", k: "50" };
  const { labels } = await answers(await fit(more));
  expect(labels).toHaveLength(100 * 50);
  expect(labels.every((label) => label >= 0 && label <= 3)).toBe(true);
});

test("as many probes as lists find what a flat index finds", async () => {
  const flat = await answers(await fit());
  const lists = { index_type: "faiss.IVFFlat", faiss_index_ivf_nlists: "24" };
  const all = await answers(await fit({ ...lists, _faiss_index_nprobe: "24" }));
  expect(all).toEqual(flat);
});

test("rows far from zero have the neighbours that they have near it", async () => {
  const near = { ...rows, features: rows.features.map((row) => row.map((value) => Math.round(value * 16) / 16)) };
  const asked = { features: held.features.map((row) => row.map((value) => Math.round(value * 16) / 16)) };
  const shift = ({ features, ...rest }: TestRows) => ({
    ...rest,
    features: features.map((row) => row.map((value) => value + 100_000)),
  });
  for (const more of [{}, { index_type: "faiss.IVFFlat", _faiss_index_nprobe: "1000" }]) {
    expect(await answers(await fit(more, shift(near)), shift(asked))).toEqual(
      await answers(await fit(more, near), asked),
    );
  }
});

test("a sample is uniform, and the same in equal jobs", async () => {
  const many = { features: Array.from({ length: 4000 }, (_, i) => [i]), labels: Array.from({ length: 4000 }, () => 0) };
  const labelled = { ...many, labels: many.features.map(([i = 0]) => i) };
  const { model } = await fit({ sample_size: "1000" }, labelled);
  const kept = new Float32Array(new Uint8Array(model["model_algo-1.labels"] as Buffer).buffer);
  expect(new Set(kept).size).toBe(1000);
  // A quarter of each quarter, within five standard errors of a draw without replacement.
  for (let quarter = 0; quarter < 4; quarter++) {
    const count = kept.filter((label) => Math.floor(label / 1000) === quarter).length;
    expect(Math.abs(count - 250)).toBeLessThan(5 * Math.sqrt(1000 * 0.25 * 0.75 * 0.75));
  }
});

describe("projections keep distances", () => {
  test.for(["sign", "fjlt"])("%s", async (type) => {
    const random = randomStream(6);
    const features = Array.from({ length: 200 }, () => Array.from({ length: 300 }, () => random.normal()));
    const numbered = { features, labels: features.map((_, i) => i) };
    const asked = { features: features.slice(0, 10) };
    const all = { k: "200", predictor_type: "regressor" };
    const result = await fit({ ...all, dimension_reduction_type: type, dimension_reduction_target: "100" }, numbered);
    const [reduced, exact] = [await answers(result, asked), await answers(await fit(all, numbered), asked)];
    // Neighbours come in another order; labels say which is which.
    const wanted = new Map(
      Array.from(exact.labels, (label, i) => [`${Math.floor(i / 200)} ${label}`, exact.distances[i]]),
    );
    const ratios = Array.from(reduced.labels, (label, i) => {
      const distance = wanted.get(`${Math.floor(i / 200)} ${label}`) as number;
      return distance === 0 ? 1 : (reduced.distances[i] as number) / distance;
    });
    // A sum of a hundred squares: a standard error of sqrt(2 / 100) for one pair of rows, and no bias.
    for (const ratio of ratios) expect(Math.abs(ratio - 1)).toBeLessThan(5 * Math.sqrt(2 / 100));
    expect(ratios.reduce((a, b) => a + b, 0) / ratios.length).toBeCloseTo(1, 1);
    expect(metadataOf(result).dimension_reduction).toMatchObject({ type, target_dim: 100, input_dim: 300 });
  });
});

test("a target that parts do not divide is raised, and rows are filled up where it cannot be", async () => {
  const codes = { index_type: "faiss.IVFPQ", faiss_index_pq_m: "4", dimension_reduction_type: "sign" };
  const wide = classes(300, 4, 20);
  const raised = await fit({ ...codes, dimension_reduction_target: "10" }, wide);
  expect(metadataOf(raised).dimension_reduction.target_dim).toBe(12);
  const filled = await fit({ ...codes, dimension_reduction_target: "18" }, wide);
  expect(metadataOf(filled).dimension_reduction.target_dim).toBe(18);
  expect(tails(filled.lines)).toContain("Rows of 18 features are filled up to 20, a multiple of faiss_index_pq_m.");
});

test("several threads give the model and the metrics of one", async () => {
  // Some 5 MB: reading, training and searching use a thread more.
  const many = classes(40_000, 5, 12);
  for (const more of [{}, { index_type: "faiss.IVFFlat" }]) {
    const runs = [1, 2].map((cpus) => fit({ sample_size: "5000", ...more }, many, many, { cpus }));
    const [one, two] = await Promise.all(runs);
    expect(two?.model).toEqual(one?.model);
    expect(two?.metric("test:accuracy")).toEqual(one?.metric("test:accuracy"));
  }
});

test("a library of the host multiplies where there is one, and finds the same", async () => {
  const library = testOpenBlas();
  const own = await fit({ predictor_type: "regressor" }, rows, held);
  const native = await fit({ predictor_type: "regressor" }, rows, held, { library });
  expect(tails(own.lines)).toContain("Matrix products by WebAssembly, 1 thread.");
  expect(tails(native.lines).some((line) => /^Matrix products by OpenBLAS [\d.]+ /.test(line))).toBe(true);
  expect(native.metric("test:mse")).toEqual(own.metric("test:mse"));
  const none = await fit({}, rows, held, { library: process.execPath });
  expect(tails(none.lines).some((line) => line.startsWith(`The BLAS ${process.execPath} is not used: `))).toBe(true);
}, 120_000);

describe("lines and metrics", () => {
  test("of a classifier, in the recorded forms", async () => {
    const { lines, load } = await fit({ mini_batch_size: "100" }, rows, held);
    const predictor = await load();
    const [column] = predictor.predict(denseOf(held), plain).columns;
    const predicted = [...(column?.values ?? [])];
    const accuracy = predicted.filter((label, i) => label === held.labels[i]).length / 100;
    const f1 = [0, 1, 2, 3].map((label) => {
      const right = predicted.filter((each, i) => each === label && held.labels[i] === label).length;
      return (2 * right) / (predicted.filter((each) => each === label).length + 25);
    });
    const macro = f1.reduce((a, b) => a + b, 0) / 4;
    const shown = tails(lines);
    expect(shown).toContain(`#test_score (algo-1) : ('accuracy', ${accuracy})`);
    expect(shown).toContain(`#test_score (algo-1) : ('macro_f_1.000', ${macro})`);
    expect(shown).toContain(`#quality_metric: host=algo-1, test accuracy <score>=${accuracy}`);
    expect(shown).toContain(`#quality_metric: host=algo-1, test macro_f_1.000 <score>=${macro}`);
    expect(shown).toContain("#progress_metric: host=algo-1, completed 100.0 % of epochs");
    expect(shown.some((line) => line.startsWith('#metrics {"StartTime"') && line.includes('"AWS/KNN"'))).toBe(true);
  });

  test("of a regressor", async () => {
    const { lines, load } = await fit({ predictor_type: "regressor" }, rows, held);
    const [column] = (await load()).predict(denseOf(held), plain).columns;
    const mse = held.labels.reduce((sum, label, i) => sum + ((column?.values[i] as number) - label) ** 2, 0) / 100;
    const line = tails(lines).find((each) => each.startsWith("#quality_metric: host=algo-1, test mse <loss>="));
    expect(Number(line?.split("=").at(-1))).toBeCloseTo(mse, 9);
  });

  test("of the memory, with a warning where the sample takes more than half of it", async () => {
    const memory = { memoryBytes: 2 ** 20 };
    const small = tails((await fit({}, rows, undefined, memory)).lines);
    expect(small).toContain("memory available: 1 MB");
    expect(small.some((line) => line.includes("more than half of the memory"))).toBe(false);
    const large = tails((await fit({ sample_size: "30000" }, rows, undefined, memory)).lines);
    expect(large).toContain("A sample of 30000 rows of 6 features takes 1 MB, more than half of the memory.");
  });

  test("a GPU instance and parameters without effect are told", async () => {
    const more = { faiss_index_ivf_nlists: "7", faiss_index_pq_m: "2", dimension_reduction_target: "2" };
    const shown = tails((await fit(more, rows, undefined, { instanceType: "ml.g5.xlarge" })).lines);
    expect(shown).toContain("ml.g5.xlarge has GPUs on the service; here training runs on the CPU.");
    for (const name of Object.keys(more)) {
      expect(shown).toContain(`Hyperparameter '${name}' has no effect beside the others.`);
    }
  });
});

describe("hyperparameters that contradict each other, or the data", () => {
  test.for<[Record<string, string>, string]>([
    [{ sample_size: "4" }, "'sample_size' must be at least the 5 neighbours that 'k' asks for, got 4"],
    [{ dimension_reduction_type: "sign" }, "'dimension_reduction_target' is a required property with"],
    [
      { dimension_reduction_type: "fjlt", dimension_reduction_target: "6" },
      "'dimension_reduction_target' must be less than the 6 features of a row, got 6",
    ],
    [{ index_type: "faiss.IVFPQ" }, "'faiss_index_pq_m' is a required property with index_type 'faiss.IVFPQ'"],
    [{ index_type: "faiss.IVFPQ", faiss_index_pq_m: "5" }, "'faiss_index_pq_m' must be one of 1, 2, 3, 4, 8, 12,"],
    [
      { index_type: "faiss.IVFPQ", faiss_index_pq_m: "2", index_metric: "COSINE" },
      "'index_metric' must be 'L2' with index_type 'faiss.IVFPQ', got 'COSINE'",
    ],
    [{ k: "601", sample_size: "601" }, "The train channel has 600 row(s), fewer than the 601 neighbours that"],
    [
      { index_type: "faiss.IVFFlat", faiss_index_ivf_nlists: "601" },
      "has 600 row(s), fewer than the 601 lists that hyperparameter 'faiss_index_ivf_nlists' asks for",
    ],
    [
      { index_type: "faiss.IVFPQ", faiss_index_pq_m: "2", sample_size: "255" },
      "has 255 row(s); index_type 'faiss.IVFPQ' learns from 256 at least",
    ],
    [{ feature_dim: "7" }, "the first row has 6 features where 7 were expected"],
  ])("%j", async ([more, message]) => {
    const failed = fit(more);
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toMatchObject({ name: "CustomerError" });
  });
});

describe("labels and channels at fault", () => {
  test("a label that is no number", async () => {
    const labels = rows.labels.map((label, i) => (i === 9 ? Number.NaN : label));
    const text = csvOf({ ...rows, labels }).replace("NaN", "");
    const channels = { train: { "rows.csv": text } };
    await expect(runFit(knn, { given, channels, contentType: "text/csv" })).rejects.toThrow(
      "Label of row 10 of the train channel is NaN; expected a finite number.",
    );
  });

  test("rows without labels", async () => {
    const channels = { train: { "rows.csv": csvOf(rows) } };
    await expect(runFit(knn, { given, channels, contentType: "text/csv;label_size=0" })).rejects.toThrow(
      "The train channel has 0 labels per row; knn needs one: label_size=1.",
    );
  });

  test("a test channel of another width", async () => {
    await expect(fit({}, rows, classes(10, 3, 5))).rejects.toThrow("5 features where 6 were expected");
  });
});

describe("answers", () => {
  const four: TestRows = {
    features: [
      [0, 0],
      [3, 0],
      [0, 4],
      [6, 8],
    ],
    labels: [2, 1, 1, 7],
  };
  const asked = denseOf({
    features: [
      [0, 0],
      [6, 9],
    ],
  });
  const written = async (
    more: Record<string, string>,
    request: typeof plain,
    type: "application/json" | "application/jsonlines",
  ) => writeResponse((await (await fit({ k: "2", ...more }, four)).load()).predict(asked, request), type, knn.response);

  test("in short, as JSON and as lines", async () => {
    expect(await written({}, plain, "application/json")).toBe(
      '{"predictions":[{"predicted_label":2.0},{"predicted_label":7.0}]}',
    );
    expect(await written({ k: "3" }, plain, "application/jsonlines")).toBe(
      '{"predicted_label":1.0}\n{"predicted_label":1.0}',
    );
  });

  test("at length: squared distances, nearest first, with the labels", async () => {
    expect(await written({}, verbose, "application/json")).toBe(
      '{"predictions":[{"predicted_label":2.0,"distances":[0.0,9.0],"labels":[2.0,1.0]},{"predicted_label":7.0,"distances":[1.0,61.0],"labels":[7.0,1.0]}]}',
    );
  });

  test("at length as RecordIO, as labels of each record", async () => {
    const predictor = await (await fit({ k: "2" }, four)).load();
    const body = writeResponse(predictor.predict(asked, verbose), "application/x-recordio-protobuf", knn.response);
    const tensor = (values: number[]) => ({ type: "float32" as const, values });
    const record = (label: number, distances: number[], labels: number[]) => ({
      features: new Map(),
      label: new Map([
        ["predicted_label", tensor([label])],
        ["distances", tensor(distances)],
        ["labels", tensor(labels)],
      ]),
    });
    expect(body).toEqual(encodeRecordFrames([record(2, [0, 9], [2, 1]), record(7, [1, 61], [7, 1])]));
  });

  test("products are negated and cosines taken from 1, so that distances ascend", async () => {
    const products = await written({ index_metric: "INNER_PRODUCT" }, verbose, "application/jsonlines");
    expect(String(products).split("\n")[1]).toBe(
      '{"predicted_label":7.0,"distances":[-108.0,-36.0],"labels":[7.0,1.0]}',
    );
    const cosines = await written({ index_metric: "COSINE" }, verbose, "application/jsonlines");
    const [, second = ""] = String(cosines).split("\n");
    expect(JSON.parse(second).labels).toEqual([7, 1]);
    expect(JSON.parse(second).distances[1]).toBeCloseTo(1 - 9 / Math.hypot(6, 9), 6);
  });

  test("a regressor answers with the mean", async () => {
    expect(await written({ predictor_type: "regressor" }, plain, "application/jsonlines")).toBe(
      '{"predicted_label":1.5}\n{"predicted_label":4.0}',
    );
  });

  test("a row that is not finite is refused", async () => {
    const predictor = await (await fit({ k: "2" }, four)).load();
    expect(() => predictor.predict(denseOf({ features: [[0, Number.NaN]] }), plain)).toThrow(
      "The request channel has a value that is missing or not finite: row 1, feature 2 is NaN.",
    );
  });
});

describe("a model", () => {
  async function stored(change: (files: Record<string, Buffer>) => void) {
    const directory = temporaryDirectory();
    const files = { ...(await fit()).model };
    change(files);
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes);
    return directory;
  }
  const edit = (files: Record<string, Buffer>, change: object) => {
    const metadata = JSON.parse(String(files["model_algo-1.json"]));
    files["model_algo-1.json"] = Buffer.from(JSON.stringify({ ...metadata, ...change }));
  };

  test("answers by another k and predictor_type once its metadata says so", async () => {
    const directory = await stored((files) => edit(files, { k: 1, predictor_type: "regressor" }));
    const { columns } = (await loadPredictor(knn, directory)).predict(denseOf(held), verbose);
    expect(columns[1]?.width).toBe(1);
    expect([...(columns[0]?.values ?? [])]).toEqual([...(columns[2]?.values ?? [])]);
  });

  test.for<[string, (files: Record<string, Buffer>) => void, string]>([
    ["more neighbours than rows", (files) => edit(files, { k: 601 }), "asks for k = 601 neighbours of an index of 600"],
    ["no k", (files) => edit(files, { k: 0 }), "must have a whole number k >= 1, not 0"],
    ["another task", (files) => edit(files, { predictor_type: "ranker" }), 'not "ranker"'],
    [
      "a reduction that cannot be made",
      (files) => edit(files, { dimension_reduction: { type: "pca" } }),
      'cannot be made: {"type":"pca"}',
    ],
    [
      "labels that are too few",
      (files) => {
        files["model_algo-1.labels"] = Buffer.alloc(8);
      },
      "model_algo-1.labels has 2 labels for an index of 600 rows",
    ],
    [
      "an index that ends early",
      (files) => {
        files["model_algo-1"] = (files["model_algo-1"] as Buffer).subarray(0, 5000);
      },
      "bytes left where 14400 were expected",
    ],
    [
      "another file as its index",
      (files) => {
        files["model_algo-1"] = readFileSync(import.meta.filename);
      },
      "an index of type 'impo': expected IndexFlat, IndexIVFFlat or IndexIVFPQ",
    ],
    [
      "metadata that is no JSON",
      (files) => {
        files["model_algo-1.json"] = Buffer.from("k=3");
      },
      "model_algo-1.json is not JSON",
    ],
  ])("with %s is refused", async ([, change, message]) => {
    await expect(loadPredictor(knn, await stored(change))).rejects.toThrow(message);
  });

  test("without a file is refused", async () => {
    const directory = await stored(() => undefined);
    rmSync(join(directory, "model_algo-1.labels"));
    await expect(loadPredictor(knn, directory)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
