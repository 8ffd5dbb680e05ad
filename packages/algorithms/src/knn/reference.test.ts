import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csvOf, denseOf } from "../testkit/row-files.ts";
import { runFit } from "../testkit/run-fit.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import { type Found, reference } from "./fixtures/reference.ts";
import { readFaiss } from "./index/read-faiss.ts";
import { writeFaiss } from "./index/write-faiss.ts";
import { knn } from "./knn.ts";
import { openScanner } from "./search/open-scanner.ts";
import type { Scanner } from "./search/scanner.ts";
import { openSearcher } from "./search/searcher.ts";
import { strideOf } from "./search/stride.ts";

const k = 5;
const { digits, diabetes } = reference;
const verbose = { acceptParameters: new Map([["verbose", "true"]]) };

let scanner: Scanner;
beforeAll(async () => {
  ({ scanner } = await openScanner(2));
});
afterAll(async () => {
  await scanner.close();
});

async function answersOf(more: Record<string, string>, data: typeof digits | typeof diabetes = digits) {
  const given = { k: String(k), sample_size: "10000", predictor_type: "classifier", ...more };
  const channels = { train: { "rows.csv": csvOf({ features: data.x, labels: data.labels }) } };
  const result = await runFit(knn, { given, channels, contentType: "text/csv" });
  const { columns } = (await result.load()).predict(denseOf({ features: data.queries }), verbose);
  return Object.fromEntries(columns.map(({ name, values }) => [name, values])) as Record<
    "predicted_label" | "distances" | "labels",
    Float32Array
  >;
}

/** Rows at one distance may come in another order, and which of those at the last one is there is open. */
function expectSameNeighbours(ids: readonly number[], found: Found, q: number) {
  const distances = found.distances[q] as readonly number[];
  const last = distances.at(-1) as number;
  const sure = (found.ids[q] as readonly number[]).filter((_, i) => Math.abs((distances[i] as number) - last) > 1e-6);
  expect(ids).toEqual(expect.arrayContaining(sure));
}

describe("distances of a flat index, as FAISS", () => {
  test.for(["L2", "INNER_PRODUCT", "COSINE"] as const)("%s", async (index_metric) => {
    const { distances } = await answersOf({ index_metric });
    const found = digits[index_metric];
    found.distances.flat().forEach((value, i) => {
      // Products of the library are the larger the nearer; a distance is the other way round.
      const wanted = index_metric === "L2" ? value : index_metric === "COSINE" ? 1 - value : -value;
      // 64 products in single precision on their side: 1e-6 of numbers up to 8,000, or of 1.
      const size = index_metric === "COSINE" ? 1 : Math.max(1, Math.abs(wanted));
      expect(Math.abs((distances[i] as number) - wanted)).toBeLessThan(2e-6 * size);
    });
  });
});

describe.for(Object.keys(diabetes.stored))("a file of FAISS: %s", (name) => {
  const { file, ...found } = diabetes.stored[name] as (typeof diabetes.stored)[string];
  const bytes = Buffer.from(file, "base64");
  const read = async () => {
    const path = join(temporaryDirectory(), "model_algo-1");
    writeFileSync(path, bytes);
    return await readFaiss(path, scanner);
  };

  test("is written again byte for byte", async () => {
    const written = Buffer.concat([...writeFaiss(await read())]);
    expect(written.equals(bytes)).toBe(true);
  });

  test("has the neighbours that FAISS finds", async () => {
    const index = await read();
    const searcher = openSearcher(scanner, index, k);
    diabetes.queries.forEach((query, q) => searcher.queries.set(query, q * strideOf(query.length)));
    const answer = searcher.search(diabetes.queries.length);
    const sign = index.metric === "L2" ? 1 : -1;
    found.distances.forEach((row, q) => {
      row.forEach((wanted, i) => {
        // The library adds in single precision; rows are some 0.15 long, so squares some 0.02.
        expect(Math.abs(sign * (answer.distances[q * k + i] as number) - wanted)).toBeLessThan(1e-7);
      });
      expectSameNeighbours([...answer.ids.subarray(q * k, (q + 1) * k)], found, q);
    });
  });
});

test("a classifier's answers are scikit-learn's where the vote is clear", async () => {
  const { predicted_label } = await answersOf({});
  const clear = digits.share.map((share) => share > 0.5);
  expect(clear.filter(Boolean).length).toBeGreaterThan(70);
  clear.forEach((isClear, q) => {
    if (isClear) expect(predicted_label[q], `query ${q}`).toBe(digits.predicted[q]);
  });
});

test("a regressor's answers are scikit-learn's", async () => {
  const { predicted_label } = await answersOf({ predictor_type: "regressor" }, diabetes);
  // Means of five labels up to 350, as singles.
  diabetes.predicted.forEach((wanted, q) => expect(predicted_label[q]).toBeCloseTo(wanted, 3));
});

describe("indexes that are trained here find as much as those that FAISS trains", () => {
  test.for<["faiss.IVFFlat" | "faiss.IVFPQ", Record<string, string>]>([
    ["faiss.IVFFlat", { faiss_index_ivf_nlists: "26" }],
    ["faiss.IVFPQ", { faiss_index_ivf_nlists: "26", faiss_index_pq_m: "8" }],
  ])("%s", async ([index_type, more]) => {
    const channels = { train: { "rows.csv": csvOf({ features: digits.x, labels: digits.x.map((_, i) => i) }) } };
    const given = { k: String(k), sample_size: "10000", predictor_type: "classifier", index_type, ...more };
    const result = await runFit(knn, { given, channels, contentType: "text/csv" });
    const { columns } = (await result.load()).predict(denseOf({ features: digits.queries }), verbose);
    // Labels are the rows' numbers here, so they say which rows were found.
    const found = columns.find(({ name }) => name === "labels")?.values as Float32Array;
    const hits = digits.L2.ids.map(
      (ids, q) => ids.filter((id) => found.subarray(q * k, (q + 1) * k).includes(id)).length / k,
    );
    const recall = hits.reduce((sum, value) => sum + value, 0) / hits.length;
    // 400 neighbours: a standard error of some 0.015, and each side has centroids of its own.
    expect(recall).toBeGreaterThan(digits.recall[index_type] - 0.05);
  });
});

test("the model's files are a FAISS index, labels as floats, and metadata", async () => {
  const given = { k: "3", sample_size: "10000", predictor_type: "regressor" };
  const channels = { train: { "rows.csv": csvOf({ features: diabetes.x, labels: diabetes.labels }) } };
  const { model } = await runFit(knn, { given, channels, contentType: "text/csv" });
  expect(Object.keys(model).sort()).toEqual(["model_algo-1", "model_algo-1.json", "model_algo-1.labels"]);
  const file = Buffer.from(diabetes.stored.IndexFlatL2?.file ?? "", "base64");
  expect(model["model_algo-1"]?.equals(file)).toBe(true);
  const labels = Buffer.from(Float32Array.from(diabetes.labels).buffer);
  expect(model["model_algo-1.labels"]?.equals(labels)).toBe(true);
  expect(JSON.parse(String(model["model_algo-1.json"]))).toEqual({
    k: 3,
    predictor_type: "regressor",
    dimension_reduction: { type: null, seed: null, target_dim: null, input_dim: 10 },
    normalize: false,
    version: "1.0",
  });
});
