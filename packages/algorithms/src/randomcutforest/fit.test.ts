import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseHyperparameters } from "../job/hyperparameters.ts";
import { openChannels } from "../job/open-channels.ts";
import { writeResponse } from "../job/serving/write-response.ts";
import { randomStream } from "../numerics/random.ts";
import { csvOf, denseOf } from "../testkit/row-files.ts";
import { loadPredictor, runFit } from "../testkit/run-fit.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import type { ForestHyperparameters } from "./hyperparameters.ts";
import { checkMemory } from "./memory.ts";
import { randomCutForest } from "./randomcutforest.ts";

const given = { feature_dim: "2", num_trees: "50" };
const request = { acceptParameters: new Map<string, string>() };

/** A ring, so that its middle is as odd as what is far outside; the first of every hundred rows is in the middle. */
function ring(count: number, seed: number) {
  const random = randomStream(seed);
  const labels: number[] = Array.from({ length: count }, (_, i) => (i % 100 === 0 ? 1 : 0));
  const features = labels.map((label) => {
    const angle = 2 * Math.PI * random.uniform();
    const radius = label === 1 ? 0.1 : 1 + 0.02 * random.normal();
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
  return { features, labels };
}

const { features } = ring(4032, 1);
const fit = (more: Record<string, string> = {}, rows = features, test_?: string) =>
  runFit(randomCutForest, {
    given: { ...given, ...more },
    contentType: test_ === undefined ? "text/csv;label_size=0" : "text/csv",
    channels: {
      train: { "rows.csv": csvOf({ features: rows }) },
      ...(test_ === undefined ? {} : { test: { "rows.csv": test_ } }),
    },
  });
const tails = (lines: readonly string[]) => lines.map((line) => line.replace(/^\[[^\]]*\] /, ""));

test("trees have equal shares of few rows, as the service's do", async () => {
  const { lines } = await fit({ num_samples_per_tree: "512" });
  const info = tails(lines).find((line) => line.startsWith("ForestInfo{")) ?? "";
  expect(info).toMatch(
    /^ForestInfo\{num_trees: 50, num_samples_in_forest: 4000, num_samples_per_tree: 80, sample_dim: 2, shingle_size: 1, trees_num_nodes: \[(159, ){50}\], trees_depth: \[(\d+, ){50}\], max_num_nodes: 159, min_num_nodes: 159, avg_num_nodes: 159, max_tree_depth: \d+, min_tree_depth: \d+, avg_tree_depth: \d+, mem_size: \d+\}$/,
  );
  const depths = /trees_depth: \[(.*?), \]/.exec(info)?.[1]?.split(", ").map(Number) ?? [];
  // Two to the seventh are 128; balanced trees would be that deep, a list 79.
  expect(Math.min(...depths)).toBeGreaterThanOrEqual(7);
  expect(Math.max(...depths)).toBeLessThan(40);
});

test("the recorded lines, in their order", async () => {
  const { lines } = await fit();
  const shown = tails(lines).filter((line) => !line.startsWith("#metrics"));
  expect(shown.slice(0, 3)).toEqual([
    "Sampling training data...",
    "Sampling training data completed.",
    "#progress_metric: host=algo-1, completed 100 % epochs",
  ]);
  expect(shown[3]).toMatch(/^#throughput_metric: host=algo-1, train throughput=[\d.]+ records\/second$/);
  expect(shown.slice(4, 7)).toEqual([
    "4032 samples gathered",
    "Building Random Cut Forest...",
    "Random Cut Forest built: ",
  ]);
  expect(shown.slice(8)).toEqual(["Master node: Serializing the RandomCutForest model", "Test data is not provided."]);
  expect(lines.some((line) => line.startsWith("#metrics ") && line.includes('"Algorithm": "RandomCutForest"'))).toBe(
    true,
  );
});

describe("the test channel", () => {
  test("is measured by three standard deviations, in the lines that the platform reads", async () => {
    const held = ring(2000, 2);
    const { lines, metric, load } = await fit({ num_trees: "100" }, features, csvOf(held));
    const scores = [...((await load()).predict(denseOf(held), request).columns[0]?.values ?? [])];
    const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
    const deviation = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / scores.length);
    const called = scores.map((score) => score > mean + 3 * deviation);
    const hits = called.filter((isCalled, i) => isCalled && held.labels[i] === 1).length;
    const right = called.filter((isCalled, i) => isCalled === (held.labels[i] === 1)).length;
    const precision = hits / called.filter(Boolean).length;
    const recall = hits / 20;
    expect(hits).toBeGreaterThan(5);
    const f1 = (2 * precision * recall) / (precision + recall);
    expect(metric("test:f1")[0]).toBeCloseTo(f1, 12);
    const shown = tails(lines).filter((line) => line.startsWith("#quality_metric"));
    expect(shown).toEqual([
      `#quality_metric: host=algo-1, test accuracy <score>=${right / 2000}`,
      `#quality_metric: host=algo-1, test precision <score>=${precision}`,
      `#quality_metric: host=algo-1, test recall <score>=${recall}`,
      expect.stringMatching(/^#quality_metric: host=algo-1, test f1 <score>=/),
    ]);
  });

  test("reports what eval_metrics asks for", async () => {
    const { lines } = await fit({ eval_metrics: '["accuracy"]' }, features, csvOf(ring(200, 3)));
    const shown = tails(lines).filter((line) => line.startsWith("#quality_metric"));
    expect(shown).toEqual([expect.stringMatching(/test accuracy <score>=0\.9/)]);
  });

  test("with another label than 0 and 1 is refused by its row", async () => {
    const held = ring(200, 3);
    await expect(fit({}, features, csvOf({ ...held, labels: held.labels.with(7, 2) }))).rejects.toThrow(
      "The test channel has a label that is neither 1 (an anomaly) nor 0: row 8 has 2.",
    );
  });

  test("without an anomaly, and with none called, has scores of 0 and not of nothing", async () => {
    const held = { features: features.slice(1, 40), labels: Array.from({ length: 39 }, () => 0) };
    const { metric } = await fit({}, features, csvOf(held));
    expect(metric("test:f1")).toEqual([0]);
  });
});

test("fewer rows than trees are refused", async () => {
  await expect(fit({}, features.slice(0, 49))).rejects.toThrow(
    "The train channel has 49 row(s), fewer than the 50 trees that hyperparameter 'num_trees' asks for: each needs one.",
  );
});

test("as many rows as trees make trees of one row", async () => {
  const { load } = await fit({}, features.slice(0, 50));
  const { columns } = (await load()).predict(denseOf({ features: [[9, 9]] }), request);
  expect(columns[0]?.values[0]).toBe(1); // cut off at the root, times log2(1 + 1)
});

test("a forest that will not fit is refused before it is begun, unless rows are few", async () => {
  const wide = { feature_dim: "10000", num_trees: "1000", num_samples_per_tree: "2048" };
  const row = `${Array.from({ length: 10_000 }, () => "1").join(",")}\n`;
  const channels = { train: { "rows.csv": row.repeat(60) } };
  await expect(runFit(randomCutForest, { given: wide, channels, contentType: "text/csv" })).rejects.toThrow(
    "60 row(s)",
  );
  const asked = parseHyperparameters(randomCutForest.hyperparameters, wide) as ForestHyperparameters;
  expect(() => checkMemory(asked, 2_048_000)).toThrow(
    "Out of Memory. A forest of num_trees=1000, num_samples_per_tree=2048 and feature_dim=10000 takes 234540 MiB, and there are 4032 MiB.",
  );
  expect(() => checkMemory({ ...asked, feature_dim: 10 }, 2_048_000, 300 * 2 ** 20)).toThrow("there are 300 MiB");
  expect(() => checkMemory({ ...asked, feature_dim: 10 }, 2_048_000, 500 * 2 ** 20)).not.toThrow();
});

test("both channels take one distribution, as on the service", () => {
  const resources = { dataDirectory: "/none", cpus: 1, memoryBytes: undefined, signal: new AbortController().signal };
  const open = (train: string, held: string) =>
    openChannels(
      randomCutForest,
      { train: { S3DistributionType: train }, test: { S3DistributionType: held } },
      resources,
    );
  expect(() => open("ShardedByS3Key", "FullyReplicated")).not.toThrow();
  expect(() => open("FullyReplicated", "FullyReplicated")).toThrow(
    "'FullyReplicated' is not valid under any of the given schemas: S3DistributionType of channel 'train' must be 'ShardedByS3Key'",
  );
  expect(() => open("ShardedByS3Key", "ShardedByS3Key")).toThrow(
    "S3DistributionType of channel 'test' must be 'FullyReplicated'",
  );
});

test("a GPU instance trains on the CPU, and says so", async () => {
  const channels = { train: { "rows.csv": csvOf({ features }) } };
  const job = { given, channels, contentType: "text/csv", instanceType: "ml.g5.xlarge" };
  const { lines } = await runFit(randomCutForest, job);
  expect(tails(lines)).toContain("ml.g5.xlarge has GPUs on the service; here training runs on the CPU.");
});

test("answers have the service's keys", async () => {
  const { load } = await fit();
  const answer = (await load()).predict(denseOf({ features: features.slice(0, 2) }), request);
  const [a, b] = answer.columns[0]?.values ?? [];
  expect(writeResponse(answer, "application/json", randomCutForest.response)).toBe(
    `{"scores":[{"score":${a}},{"score":${b}}]}`,
  );
  expect(writeResponse(answer, "application/jsonlines", randomCutForest.response)).toBe(
    `{"score":${a}}\n{"score":${b}}`,
  );
});

describe("an artifact", () => {
  const loaded = async (model: Buffer) => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "model_algo-1"), model);
    return await loadPredictor(randomCutForest, directory);
  };

  test("that is none is refused with what it is", async () => {
    await expect(loaded(Buffer.from("pickle"))).rejects.toThrow("model_algo-1 is no forest that was trained here");
    await expect(loaded(Buffer.from('{"magic":"other"}\n'))).rejects.toThrow("is no forest that was trained here");
  });

  test("that is cut off, or longer than it should be, is refused", async () => {
    const model = (await fit()).model["model_algo-1"] as Buffer;
    await expect(loaded(model.subarray(0, model.length - 4))).rejects.toThrow("damaged");
    await expect(loaded(Buffer.concat([model, Buffer.alloc(4)]))).rejects.toThrow("4 bytes are left over");
  });

  test("with any number of its nodes changed is refused, or still answers", async () => {
    const model = (await fit({}, features.slice(0, 500))).model["model_algo-1"] as Buffer;
    const begin = model.indexOf(0x0a) + 1;
    const random = randomStream(4);
    let refused = 0;
    for (let round = 0; round < 200; round++) {
      const broken = Buffer.from(model);
      const at = begin + 4 * Math.floor(random.uniform() * 400);
      broken.writeInt32LE(Math.floor((random.uniform() - 0.5) * 2 ** [3, 8, 31][round % 3]!), at);
      try {
        (await loaded(broken)).predict(denseOf({ features }), request);
      } catch (error) {
        expect((error as Error).message).toContain("model_algo-1 is damaged");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});
