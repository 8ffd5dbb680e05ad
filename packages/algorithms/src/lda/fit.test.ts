import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readArrayList, writeArrayList } from "../formats/mxnet/array-list.ts";
import { writeResponse } from "../job/serving/write-response.ts";
import { type RandomStream, randomStream } from "../numerics/random.ts";
import { csvOf, denseOf } from "../testkit/row-files.ts";
import { loadPredictor, runFit } from "../testkit/run-fit.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import { lda } from "./lda.ts";

const vocabulary = 30;
const topics = 5;

/** Topic k has the words 6 k to 6 k + 5, ever rarer, and one word in twenty of any. */
const beta = Array.from({ length: topics }, (_, k) =>
  Array.from({ length: vocabulary }, (_, w) => {
    const own = Math.floor(w / 6) === k ? 0.5 ** (w % 6) / 1.96875 : 0;
    return 0.95 * own + 0.05 / vocabulary;
  }),
);

function pick(weights: readonly number[], random: RandomStream): number {
  let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  return Math.max(
    0,
    weights.findIndex((weight) => (left -= weight) < 0),
  );
}

/** Documents of 50 words and two topics at most. */
function documents(count: number, seed: number): number[][] {
  const random = randomStream(seed);
  return Array.from({ length: count }, () => {
    const counts = Array.from({ length: vocabulary }, () => 0);
    const share = random.uniform() < 0.5 ? 1 : random.uniform();
    const pair = [Math.floor(topics * random.uniform()), Math.floor(topics * random.uniform())];
    for (let i = 0; i < 50; i++) {
      const word = pick(beta[pair[random.uniform() < share ? 0 : 1] as number] as number[], random);
      counts[word] = (counts[word] as number) + 1;
    }
    return counts;
  });
}

const rows = documents(800, 1);
const given = { num_topics: "5", feature_dim: String(vocabulary), mini_batch_size: "800" };
const contentType = "text/csv;label_size=0";
const fit = (more: Record<string, string> = {}, features = rows, test_?: number[][]) =>
  runFit(lda, {
    given: { ...given, ...more },
    contentType,
    channels: {
      train: { "rows.csv": csvOf({ features }) },
      ...(test_ === undefined ? {} : { test: { "rows.csv": csvOf({ features: test_ }) } }),
    },
  });

const arraysOf = (model: Readonly<Record<string, Buffer>>) => readArrayList(model["model_algo-1"] as Buffer);
const tails = (lines: readonly string[]) => lines.map((line) => line.replace(/^\[[^\]]*\] /, ""));

describe("what is found", () => {
  test.for<[string, Record<string, string>]>([
    ["by default", {}],
    ["with sparse documents expected", { alpha0: "0.2" }],
    ["with mixed documents expected", { alpha0: "5" }],
    ["from a single start", { max_restarts: "1" }],
  ])("the topics of plain documents, %s", async ([, more]) => {
    const [, found] = arraysOf((await fit(more)).model);
    for (const wanted of beta) {
      const distances = Array.from({ length: topics }, (_, k) =>
        wanted.reduce((sum, value, w) => sum + Math.abs(value - (found?.values[k * vocabulary + w] as number)), 0),
      );
      // 8,000 words of each topic: a probability of 0.5 is known to within 0.006, and there are thirty.
      expect(Math.min(...distances)).toBeLessThan(0.12);
    }
  });

  test("the moments alone find them, before any polishing", async () => {
    // A job that is stopped when the moments have spoken polishes nothing.
    const stop = new AbortController();
    const { model, lines } = await runFit(lda, {
      given,
      contentType,
      channels: { train: { "rows.csv": csvOf({ features: rows }) } },
      signal: stop.signal,
      onLine: (line) => line.includes("topics in the moments") && stop.abort(new Error("stopped")),
    });
    expect(tails(lines)).toContain("Polished the topics in 0 rounds.");
    const [, found] = arraysOf(model);
    for (const wanted of beta) {
      const distances = Array.from({ length: topics }, (_, k) =>
        wanted.reduce((sum, value, w) => sum + Math.abs(value - (found?.values[k * vocabulary + w] as number)), 0),
      );
      expect(Math.min(...distances)).toBeLessThan(0.5);
    }
  });

  test("every word has a probability in every topic, also one that no document has", async () => {
    const [alpha, found] = arraysOf(
      (
        await fit(
          { feature_dim: "31" },
          rows.map((row) => [...row, 0]),
        )
      ).model,
    );
    expect(found?.values.every((value) => value > 0)).toBe(true);
    expect(alpha?.values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
    for (let k = 0; k < topics; k++) {
      const topic = found?.values.subarray(k * 31, (k + 1) * 31) ?? [];
      expect([...topic].reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
    }
  });

  test("more topics than the corpus has directions for are filled up", async () => {
    const same = Array.from({ length: 30 }, () => [4, 2, 1, 1]);
    const { model, lines } = await fit({ num_topics: "3", feature_dim: "4", mini_batch_size: "30" }, same);
    expect(tails(lines).some((line) => /^Found [0-3] topics in the moments of 30 documents\.$/.test(line))).toBe(true);
    expect(arraysOf(model)[1]?.values.every(Number.isFinite)).toBe(true);
  });
});

test("the test channel's likelihood is that of its words under their mixtures", async () => {
  const held = documents(60, 9);
  const result = await fit({}, rows, held);
  const [, found] = arraysOf(result.model);
  const [column] = (await result.load()).predict(denseOf({ features: held })).columns;
  let [likelihood, words] = [0, 0];
  for (const [d, row] of held.entries()) {
    for (const [w, count] of row.entries()) {
      let probability = 0;
      for (let k = 0; k < topics; k++) {
        probability += (column?.values[d * topics + k] as number) * (found?.values[k * vocabulary + w] as number);
      }
      likelihood += count * Math.log(probability);
      words += count;
    }
  }
  expect(result.metric("test:pwll")[0]).toBeCloseTo(likelihood / words, 4);
});

describe("a model", () => {
  test("is a list of alpha and beta; one made by hand is served, in every form", async () => {
    expect(arraysOf((await fit()).model)).toMatchObject([
      { name: "", shape: [5] },
      { name: "", shape: [5, 30] },
    ]);
    const directory = temporaryDirectory();
    writeFileSync(
      join(directory, "model_algo-1"),
      writeArrayList([
        { name: "", shape: [2], values: Float32Array.of(0.5, 0.5) },
        { name: "", shape: [2, 3], values: Float32Array.of(1, 0, 0, 0, 0.5, 0.5) },
      ]),
    );
    const predictor = await loadPredictor(lda, directory);
    const answer = predictor.predict(
      denseOf({
        features: [
          [3, 0, 0],
          [1, 1, 1],
          [0, 0, 0],
        ],
      }),
    );
    // Counts of topics, with half a word more of each: 3.5 and 0.5 of 4; 1.5 and 2.5 of 4.
    expect(writeResponse(answer, "application/json", lda.response)).toBe(
      '{"predictions":[{"topic_mixture":[0.875,0.125]},{"topic_mixture":[0.375,0.625]},{"topic_mixture":[0.5,0.5]}]}',
    );
    expect(writeResponse(answer, "application/jsonlines", lda.response).toString().split("\n")[0]).toBe(
      '{"topic_mixture":[0.875,0.125]}',
    );
    expect(() => predictor.predict(denseOf({ features: [[1, -1, 0]] }))).toThrow("Row 1 has a negative count: -1.");
  });

  test.for<[string, Parameters<typeof writeArrayList>[0], string]>([
    ["of one array", [{ name: "", shape: [1, 1], values: Float32Array.of(1) }], "it holds (1, 1)"],
    [
      "whose arrays do not fit",
      [
        { name: "", shape: [3], values: Float32Array.of(1, 1, 1) },
        { name: "", shape: [2, 1], values: Float32Array.of(1, 1) },
      ],
      "it holds (3), (2, 1)",
    ],
    [
      "with a negative probability",
      [
        { name: "", shape: [1], values: Float32Array.of(1) },
        { name: "", shape: [1, 1], values: Float32Array.of(-1) },
      ],
      "no probability",
    ],
  ])("%s is refused", async ([, arrays, message]) => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "model_algo-1"), writeArrayList(arrays));
    await expect(loadPredictor(lda, directory)).rejects.toThrow(message);
  });

  test("answers many documents at once, and long ones", async () => {
    const predictor = await (await fit()).load();
    const many = documents(700, 4);
    const all = predictor.predict(denseOf({ features: many })).columns[0]?.values ?? new Float32Array();
    const one = predictor.predict(denseOf({ features: many.slice(600, 601) })).columns[0]?.values ?? [];
    expect([...one]).toEqual([...all.subarray(600 * topics, 601 * topics)]);
  });
});

describe("input at fault", () => {
  test.for<[string, Record<string, string>, number[][], string]>([
    ["more topics than words", { num_topics: "31" }, rows, "'num_topics' must be at most 'feature_dim', which is 30"],
    ["documents of another width", { feature_dim: "29" }, rows, "the first row has 30 features where 29 were expected"],
    [
      "a negative count",
      {},
      rows.map((row, d) => (d === 4 ? row.map((count, w) => (w === 6 ? -2 : count)) : row)),
      "The train channel has a negative count: row 5, feature 7 is -2.",
    ],
    ["no words", {}, rows.map((row) => row.map(() => 0)), "No document of the train channel has a word."],
    [
      "documents of one word",
      {},
      rows.map((row) => row.map((_, w) => (w === 3 ? 1 : 0))),
      "No document of the train channel has three words or more",
    ],
  ])("%s", async ([, more, features, message]) => {
    await expect(fit(more, features)).rejects.toThrow(message);
    await expect(fit(more, features)).rejects.toMatchObject({ name: "CustomerError" });
  });
});

test("several threads give the model of one", async () => {
  // Some 5 MB: both reading and the kernels use a thread more.
  const features = Array.from({ length: 80 }, () => rows).flat();
  const job = {
    given: { ...given, mini_batch_size: "64000" },
    channels: { train: { "rows.csv": csvOf({ features }) } },
  };
  const [one, three] = await Promise.all([1, 3].map((cpus) => runFit(lda, { ...job, contentType, cpus })));
  expect(three?.model).toEqual(one?.model);
});

test("the recorded lines", async () => {
  const { lines } = await fit({ mini_batch_size: "100" });
  const shown = tails(lines);
  expect(shown).toContain("mini_batch_size is 100, and the train channel has 800 documents: all are used.");
  expect(shown).toContain("#progress_metric: host=algo-1, completed 100.0 % of epochs");
  expect(shown).toContain("Found 7 topics in the moments of 800 documents.");
  expect((await fit()).lines.join()).not.toContain("mini_batch_size is");
});
