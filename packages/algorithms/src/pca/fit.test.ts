import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readArrayList, writeArrayList } from "../formats/mxnet/array-list.ts";
import { writeResponse } from "../job/serving/write-response.ts";
import { randomStream } from "../numerics/random.ts";
import { csvOf, denseOf } from "../testkit/row-files.ts";
import { loadPredictor, runFit } from "../testkit/run-fit.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import { testOpenBlas } from "../testkit/wheels.ts";
import { pca } from "./pca.ts";

/** Rows in whose first dimensions there is more to see, each half as much as the one before; turned by nothing. */
function rowsOf(count: number, width: number, seed: number, falloff = 0.5): number[][] {
  const random = randomStream(seed);
  return Array.from({ length: count }, () => Array.from({ length: width }, (_, j) => random.normal() * falloff ** j));
}

const rows = rowsOf(500, 6, 1);
const fit = (more: Record<string, string> = {}, features = rows, test_?: number[][], library?: string) =>
  runFit(pca, {
    given: { feature_dim: String(features[0]?.length), num_components: "3", mini_batch_size: "100", ...more },
    contentType: "text/csv;label_size=0",
    channels: {
      train: { "rows.csv": csvOf({ features }) },
      ...(test_ === undefined ? {} : { test: { "rows.csv": csvOf({ features: test_ }) } }),
    },
    ...(library === undefined ? {} : { library }),
  });

const arraysOf = (model: Readonly<Record<string, Buffer>>) => readArrayList(model["model_algo-1"] as Buffer);
const valuesOf = (model: Readonly<Record<string, Buffer>>, name: string) =>
  arraysOf(model).find((array) => array.name === name)?.values ?? new Float32Array();
const tails = (lines: readonly string[]) => lines.map((line) => line.replace(/^\[[^\]]*\] /, ""));

describe("a model", () => {
  test("is a dictionary of mean, v and s, the strongest component last", async () => {
    const { model } = await fit();
    expect(arraysOf(model)).toMatchObject([
      { name: "mean", shape: [1, 6] },
      { name: "v", shape: [6, 3] },
      { name: "s", shape: [3] },
    ]);
    const s = valuesOf(model, "s");
    expect([...s]).toEqual([...s].sort((a, b) => a - b));
    // 500 rows of deviation 1, 1/2 and 1/4: their singular values are sqrt(500) times as much, give or take a tenth.
    [1, 2, 4].forEach((parts, c) => {
      expect(((s[2 - c] as number) * parts) / Math.sqrt(500)).toBeGreaterThan(0.9);
      expect(((s[2 - c] as number) * parts) / Math.sqrt(500)).toBeLessThan(1.1);
      expect(valuesOf(model, "v")[c * 3 + 2 - c]).toBeGreaterThan(0.98);
    });
  });

  test("has no mean where none is subtracted", async () => {
    expect(arraysOf((await fit({ subtract_mean: "false" })).model).map(({ name }) => name)).toEqual(["v", "s"]);
  });

  test("made by hand is served, in every form", async () => {
    const directory = temporaryDirectory();
    writeFileSync(
      join(directory, "model_algo-1"),
      writeArrayList([
        { name: "s", shape: [2], values: Float32Array.of(1, 2) },
        { name: "v", shape: [3, 2], values: Float32Array.of(0, 1, 1, 0, 0, 0) },
        { name: "mean", shape: [1, 3], values: Float32Array.of(1, 2, 3) },
      ]),
    );
    const predictor = await loadPredictor(pca, directory);
    const answer = predictor.predict(denseOf({ features: [[2, 4.5, 9]] }));
    expect(writeResponse(answer, "application/json", pca.response)).toBe('{"projections":[{"projection":[2.5,1.0]}]}');
    expect(writeResponse(answer, "application/jsonlines", pca.response)).toBe('{"projection":[2.5,1.0]}');
  });

  test.for<[string, Parameters<typeof writeArrayList>[0], string]>([
    ["without v", [{ name: "s", shape: [1], values: Float32Array.of(1) }], "it holds s (1)"],
    [
      "whose mean does not fit",
      [
        { name: "v", shape: [2, 1], values: Float32Array.of(1, 0) },
        { name: "s", shape: [1], values: Float32Array.of(1) },
        { name: "mean", shape: [1, 3], values: Float32Array.of(1, 0, 0) },
      ],
      "it holds v (2, 1), s (1), mean (1, 3)",
    ],
    [
      "with a value that is none",
      [
        { name: "v", shape: [1, 1], values: Float32Array.of(Number.NaN) },
        { name: "s", shape: [1], values: Float32Array.of(1) },
      ],
      "a value that is not finite in v",
    ],
  ])("%s is refused with what it holds", async ([, arrays, message]) => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "model_algo-1"), writeArrayList(arrays));
    await expect(loadPredictor(pca, directory)).rejects.toThrow(message);
  });
});

describe("what is found", () => {
  test("does not depend on how far the data is from zero", async () => {
    const near = await fit();
    // A float32 near 1,000 is a multiple of 1/16384.
    const far = await fit(
      {},
      rows.map((row) => row.map((value) => Math.fround(value + 1000))),
    );
    valuesOf(near.model, "v").forEach((value, i) => expect(valuesOf(far.model, "v")[i]).toBeCloseTo(value, 2));
    const ratios = [near, far].map((result) => result.metric("train:explained_variance_ratio")[0] as number);
    expect(ratios[1]).toBeCloseTo(ratios[0] as number, 4);
  });

  test("is all there is, with as many components as features", async () => {
    const { metric, load } = await fit({ num_components: "6" });
    expect(metric("train:explained_variance_ratio")[0]).toBeCloseTo(1, 6);
    // Projections keep lengths then.
    const [column] = (await load()).predict(denseOf({ features: rows.slice(0, 1) })).columns;
    const length = Math.hypot(...(column?.values ?? []));
    const mean = (j: number) => rows.reduce((sum, row) => sum + (row[j] as number), 0) / rows.length;
    expect(length).toBeCloseTo(Math.hypot(...(rows[0] ?? []).map((value, j) => value - mean(j))), 4);
  });

  test("of one row, and of equal rows, is nothing", async () => {
    for (const features of [[[1, 2, 3]], Array.from({ length: 20 }, () => [1, 2, 3])]) {
      const { model, metric } = await fit({ num_components: "2" }, features);
      expect([...valuesOf(model, "s")]).toEqual([0, 0]);
      expect([...valuesOf(model, "mean")]).toEqual([1, 2, 3]);
      expect(metric("train:explained_variance_ratio")).toEqual([1]);
    }
  });

  describe("among many features", () => {
    const wide = rowsOf(600, 300, 5, 0.8);
    const wanted = fit({ num_components: "120" }, wide); // more than a quarter: out of all eigenvectors

    test("the strongest alone are the same", async () => {
      const all = (await wanted).model;
      const { model } = await fit({ num_components: "8" }, wide);
      for (let c = 0; c < 8; c++) {
        expect((valuesOf(model, "s")[7 - c] as number) / (valuesOf(all, "s")[119 - c] as number)).toBeCloseTo(1, 5);
        let cosine = 0;
        for (let j = 0; j < 300; j++) {
          cosine += (valuesOf(model, "v")[j * 8 + 7 - c] as number) * (valuesOf(all, "v")[j * 120 + 119 - c] as number);
        }
        expect(cosine).toBeCloseTo(1, 4);
      }
    });

    test("a sketch explains as much, within a thousandth", async () => {
      const ratio = (await fit({ num_components: "8" }, wide)).metric("train:explained_variance_ratio")[0] as number;
      const sketched = await fit({ num_components: "8", algorithm_mode: "randomized" }, wide);
      const found = sketched.metric("train:explained_variance_ratio")[0] as number;
      expect(Math.abs(found - ratio)).toBeLessThan(1e-3);
      expect(sketched.metric("train:progress")).toEqual([50, 100]);
    });

    test("products by a library of the host make the same model", async () => {
      const library = testOpenBlas();
      const own = await fit({ num_components: "8" }, wide);
      const native = await fit({ num_components: "8" }, wide, undefined, library);
      expect(tails(own.lines)).toContain("Matrix products by WebAssembly, 1 thread.");
      expect(tails(native.lines).some((line) => /^Matrix products by OpenBLAS [\d.]+ /.test(line))).toBe(true);
      valuesOf(own.model, "v").forEach((value, i) => expect(valuesOf(native.model, "v")[i]).toBeCloseTo(value, 4));
    }, 120_000);

    test("a library that is none is told, and done without", async () => {
      const { lines } = await fit({ num_components: "8" }, wide, undefined, process.execPath);
      expect(tails(lines).some((line) => line.startsWith(`The BLAS ${process.execPath} is not used: `))).toBe(true);
      expect(tails(lines)).toContain("Matrix products by WebAssembly, 1 thread.");
    });
  });
});

test("the test channel is scored by the model", async () => {
  const held = rowsOf(101, 6, 9);
  const { model, metric } = await fit({}, rows, held);
  const [v, mean] = [valuesOf(model, "v"), valuesOf(model, "mean")];
  let [explained, total] = [0, 0];
  for (const row of held) {
    const centred = row.map((value, j) => value - (mean[j] as number));
    total += centred.reduce((sum, value) => sum + value * value, 0);
    for (let c = 0; c < 3; c++)
      explained += centred.reduce((sum, value, j) => sum + value * (v[j * 3 + c] as number), 0) ** 2;
  }
  expect(metric("test:explained_variance_ratio")[0]).toBeCloseTo(explained / total, 5);
});

describe("input at fault", () => {
  test.for<[string, Record<string, string>, string]>([
    [
      "more components than features",
      { num_components: "7" },
      "'num_components' must be at most 'feature_dim', which is 6",
    ],
    [
      "rows of another width",
      { feature_dim: "5", num_components: "2" },
      "the first row has 6 features where 5 were expected",
    ],
  ])("%s", async ([, more, message]) => {
    await expect(fit(more)).rejects.toThrow(message);
  });

  test("values whose squares single precision cannot hold", async () => {
    const features = rows.map((row) => row.map((value) => value * 1e25));
    for (const algorithm_mode of ["regular", "randomized"]) {
      await expect(fit({ algorithm_mode }, features)).rejects.toThrow("products are beyond single precision");
    }
  });

  test("more features than the matrix of all has memory for", async () => {
    const given = { feature_dim: "1000000", num_components: "2", mini_batch_size: "10" };
    const channels = { train: { "rows.csv": "1,2\n" } };
    await expect(runFit(pca, { given, channels, contentType: "text/csv;label_size=0" })).rejects.toThrow(
      /^With 1000000 features algorithm_mode 'regular' takes 19073487 MiB, and this instance has \d+ MiB\. Please use/,
    );
  });
});

test("plain text/csv has a label in its first column", async () => {
  const given = { feature_dim: "5", num_components: "2", mini_batch_size: "10" };
  const channels = { train: { "rows.csv": csvOf({ features: rows }) } };
  const { model } = await runFit(pca, { given, channels, contentType: "text/csv" });
  const of5 = await fit(
    { num_components: "2" },
    rows.map((row) => row.slice(1)),
  );
  expect(model).toEqual(of5.model);
});

test("several threads give the model of one", async () => {
  // Some 5 MB: both reading and the kernel use a thread more.
  const features = rowsOf(8_000, 70, 5, 0.9);
  const job = {
    given: { feature_dim: "70", num_components: "4", mini_batch_size: "500" },
    channels: { train: { "rows.csv": csvOf({ features }) } },
    contentType: "text/csv;label_size=0",
  };
  const [one, three] = await Promise.all([1, 3].map((cpus) => runFit(pca, { ...job, cpus })));
  expect(three?.model).toEqual(one?.model);
});

test("a GPU instance trains on the CPU, and says so; the recorded lines", async () => {
  const channels = { train: { "rows.csv": csvOf({ features: rows }) } };
  const given = { feature_dim: "6", num_components: "2", mini_batch_size: "100" };
  const contentType = "text/csv;label_size=0";
  const { lines, metric } = await runFit(pca, { given, channels, contentType, instanceType: "ml.p3.2xlarge" });
  expect(tails(lines)).toContain("ml.p3.2xlarge has GPUs on the service; here training runs on the CPU.");
  expect(tails(lines)).toContain("#progress_metric: host=algo-1, completed 100.0 % of epochs");
  expect(lines.some((line) => line.startsWith('#metrics {"StartTime"') && line.includes('"Algorithm": "PCA"'))).toBe(
    true,
  );
  expect(metric("train:throughput")[0]).toBeGreaterThan(0);
  expect((await fit()).lines.join()).not.toContain("GPU");
});

test("a job that is stopped in its second pass has the sketch for a model", async () => {
  const stop = new AbortController();
  const { model, lines } = await runFit(pca, {
    given: { feature_dim: "6", num_components: "2", mini_batch_size: "100", algorithm_mode: "randomized" },
    channels: { train: { "rows.csv": csvOf({ features: rows }) } },
    contentType: "text/csv;label_size=0",
    signal: stop.signal,
    onLine: (line) => line.includes("completed 50.0 %") && stop.abort(new Error("stopped")),
  });
  expect(lines.some((line) => line.includes("completed 100.0 %"))).toBe(false);
  expect(valuesOf(model, "s")).toHaveLength(2);
});
