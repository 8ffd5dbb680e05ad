import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readArrayList, writeArrayList } from "../formats/mxnet/array-list.ts";
import { writeResponse } from "../job/serving/write-response.ts";
import { randomStream } from "../numerics/random.ts";
import { csvOf, denseOf } from "../testkit/row-files.ts";
import { loadPredictor, runFit } from "../testkit/run-fit.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import { kmeans } from "./kmeans.ts";

const width = 3;
const places = [
  [0, 0, 0],
  [40, 0, 10],
  [0, 50, -10],
  [1000, 1000, 1000],
];

/** Rows around four places, a tenth as wide as those are apart. */
function clusters(count: number, seed: number): number[][] {
  const random = randomStream(seed);
  return Array.from({ length: count }, (_, i) => (places[i % 4] ?? []).map((place) => place + random.normal()));
}

const rows = clusters(1000, 1);
const given = { k: "4", feature_dim: String(width), mini_batch_size: "100" };
const fit = (more: Record<string, string> = {}, features = rows, test_?: number[][]) =>
  runFit(kmeans, {
    given: { ...given, ...more },
    contentType: "text/csv",
    channels: {
      train: { "rows.csv": csvOf({ features }) },
      ...(test_ === undefined ? {} : { test: { "rows.csv": csvOf({ features: test_ }) } }),
    },
  });

const centresOf = (model: Readonly<Record<string, Buffer>>) => {
  const [array] = readArrayList(model["model_algo-1"] as Buffer);
  const [k = 0, d = 0] = array?.shape ?? [];
  return Array.from({ length: k }, (_, c) => [...(array?.values.subarray(c * d, (c + 1) * d) ?? [])]);
};
const tails = (lines: readonly string[]) => lines.map((line) => line.replace(/^\[[^\]]*\] /, ""));

describe("what is found", () => {
  test.for<[string, Record<string, string>]>([
    ["by default", {}],
    ["with k-means++ from the first mini-batch", { init_method: "kmeans++", local_lloyd_init_method: "random" }],
    ["with one centre per cluster", { extra_center_factor: "1", epochs: "3" }],
    ["with a half-life", { half_life_time_size: "50" }],
    ["in a mini-batch larger than the data", { mini_batch_size: "5000" }],
    ["in mini-batches smaller than the number of centres", { mini_batch_size: "7" }],
  ])("the clusters of plain data, %s", async ([, more]) => {
    const { model } = await fit({ local_lloyd_num_trials: "20", ...more });
    const found = centresOf(model);
    for (const place of places) {
      const nearest = Math.min(
        ...found.map((centre) => Math.hypot(...place.map((at, j) => at - (centre[j] as number)))),
      );
      // The mean of 250 rows in three dimensions is within five standard errors of its place.
      expect(nearest).toBeLessThan(5 * Math.sqrt(3 / 250));
    }
  });

  test("data far from zero is clustered as well as near it", async () => {
    const msd = (await fit()).metric("train:msd")[0] as number;
    const far = rows.map((row) => row.map((value) => Math.fround(value + 100_000)));
    // A float32 near 100,000 is a multiple of 1/128.
    expect((await fit({}, far)).metric("train:msd")[0]).toBeCloseTo(msd, 1);
  });

  test("rows in the order of their clusters are clustered as well as shuffled ones", async () => {
    // More rows than a sample holds, and a first mini-batch from one cluster.
    const many = clusters(24_000, 4);
    const sorted = places.flatMap((_, cluster) => many.filter((__, i) => i % 4 === cluster));
    const [one, other] = [await fit({}, many), await fit({}, sorted)];
    const [msd = 0, ofSorted = 0] = [one.metric("train:msd")[0], other.metric("train:msd")[0]];
    expect(ofSorted / msd).toBeCloseTo(1, 1);
    expect(tails(other.lines).some((line) => line.endsWith("rows seem to come in an order."))).toBe(true);
    expect(tails(one.lines).some((line) => line.endsWith("rows seem to come in an order."))).toBe(false);
  });

  test("as many clusters as rows have the rows as centres", async () => {
    const few = clusters(6, 2);
    const { model, metric } = await fit({ k: "6" }, few);
    expect(metric("train:msd")).toEqual([0]);
    const byFirst = (a: number[], b: number[]) => (a[0] as number) - (b[0] as number);
    const found = centresOf(model).sort(byFirst);
    // Rows lie up to 1000 from their mean, of which single precision keeps seven digits.
    for (const [i, row] of few.sort(byFirst).entries()) {
      row.forEach((value, j) => expect(found[i]?.[j]).toBeCloseTo(value, 3));
    }
  });

  test("equal rows make equal centres, not a failure", async () => {
    const { model, metric } = await fit(
      { k: "3" },
      Array.from({ length: 50 }, () => [1, 2, 3]),
    );
    expect(centresOf(model)).toEqual([places.length, 1, 2].map(() => [1, 2, 3]));
    expect(metric("train:msd")).toEqual([0]);
  });

  test("more clusters than rows are refused", async () => {
    await expect(fit({ k: "6" }, clusters(5, 2))).rejects.toThrow(
      "The train channel has 5 row(s), fewer than the 6 clusters that hyperparameter 'k' asks for.",
    );
  });

  test("rows of another width than feature_dim are refused", async () => {
    await expect(fit({ feature_dim: "4" })).rejects.toThrow("the first row has 3 features where 4 were expected");
  });
});

test("several threads give the model of one", async () => {
  // Some 5 MB: both reading and the kernel use a thread more.
  const features = clusters(70_000, 5);
  const job = {
    given: { ...given, mini_batch_size: "5000" },
    channels: { train: { "rows.csv": csvOf({ features }) } },
  };
  const [one, two] = await Promise.all([1, 2].map((cpus) => runFit(kmeans, { ...job, contentType: "text/csv", cpus })));
  expect(two?.model).toEqual(one?.model);
});

test("a GPU instance trains on the CPU, and says so", async () => {
  const channels = { train: { "rows.csv": csvOf({ features: rows }) } };
  const { lines } = await runFit(kmeans, { given, channels, contentType: "text/csv", instanceType: "ml.g5.xlarge" });
  expect(tails(lines)).toContain("ml.g5.xlarge has GPUs on the service; here training runs on the CPU.");
  expect((await fit()).lines.join()).not.toContain("GPU");
});

test("test metrics are those that eval_metrics asks for, and true", async () => {
  const held = clusters(101, 9);
  const { model, metric } = await fit({ eval_metrics: '["msd", "ssd"]' }, rows, held);
  const centres = centresOf(model);
  const ssd = held.reduce((sum, row) => {
    const distances = centres.map((centre) => row.reduce((d, value, j) => d + (value - (centre[j] as number)) ** 2, 0));
    return sum + Math.min(...distances);
  }, 0);
  expect((metric("test:ssd")[0] as number) / ssd).toBeCloseTo(1, 4);
  expect((metric("test:msd")[0] as number) * 101).toBeCloseTo(metric("test:ssd")[0] as number, 6);
});

test("the recorded lines", async () => {
  const { lines } = await fit({ k: "2", epochs: "2", mini_batch_size: "300" });
  const shown = tails(lines);
  expect(shown).toContain("#progress_metric: host=algo-1, completed 50.0 % of epochs");
  expect(shown).toContain("#progress_metric: host=algo-1, completed 100.0 % of epochs");
  expect(shown).toContain("The mini-batch 3 has 100 rows, fewer than the mini_batch_size of 300.");
  expect(shown).toContain("shrinking 20 centers into 2");
  expect(
    shown.filter((line) => /^local kmeans attempt #\d\. Current mean square distance [\d.]+$/.test(line)),
  ).toHaveLength(10);
  expect(shown.some((line) => line.startsWith('#metrics {"StartTime"') && line.includes('"AWS/KMeansWebscale"'))).toBe(
    true,
  );
});

test("a model is one unnamed array of an NDArray list, and one made by hand is served", async () => {
  const directory = temporaryDirectory();
  const values = Float32Array.of(0, 0, 3, 4);
  writeFileSync(join(directory, "model_algo-1"), writeArrayList([{ name: "", shape: [2, 2], values }]));
  const predictor = await loadPredictor(kmeans, directory);
  const answer = predictor.predict(
    denseOf({
      features: [
        [3, 5],
        [0, 0],
        [6, 8],
      ],
    }),
    { acceptParameters: new Map() },
  );
  expect(writeResponse(answer, "application/json", kmeans.response)).toBe(
    '{"predictions":[{"closest_cluster":1.0,"distance_to_cluster":1.0},{"closest_cluster":0.0,"distance_to_cluster":0.0},{"closest_cluster":1.0,"distance_to_cluster":5.0}]}',
  );
  expect(writeResponse(answer, "text/csv", kmeans.response)).toBe("1.0,1.0\n0.0,0.0\n1.0,5.0");
  const { model } = await fit();
  expect(readArrayList(model["model_algo-1"] as Buffer)).toMatchObject([{ name: "", shape: [4, 3] }]);
});

test("an artifact that is none is refused with what it holds", async () => {
  const directory = temporaryDirectory();
  const path = join(directory, "model_algo-1");
  writeFileSync(path, writeArrayList([{ name: "", shape: [4], values: new Float32Array(4) }]));
  await expect(loadPredictor(kmeans, directory)).rejects.toThrow(
    "must hold one array of centres, shape (k, feature_dim); it holds (4)",
  );
  writeFileSync(path, writeArrayList([{ name: "", shape: [1, 1], values: Float32Array.of(Number.NaN) }]));
  await expect(loadPredictor(kmeans, directory)).rejects.toThrow("a centre that is not finite");
  writeFileSync(path, readFileSync(import.meta.filename));
  await expect(loadPredictor(kmeans, directory)).rejects.toThrow("not an MXNet NDArray list");
});
