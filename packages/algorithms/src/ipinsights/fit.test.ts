import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { algorithmDefinitions } from "../definitions.ts";
import { parseHyperparameters } from "../job/hyperparameters.ts";
import { openChannels } from "../job/open-channels.ts";
import { registry } from "../registry.ts";
import { peakMemory } from "../testkit/peak-memory.ts";
import { type FitJob, runFit } from "../testkit/run-fit.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import type { IpInsightsHyperparameters } from "./hyperparameters.ts";
import { ipInsights } from "./ipinsights.ts";
import { checkMemory } from "./memory.ts";
import type { NetworkShape } from "./network.ts";
import { openAnswers } from "./testkit/answer.ts";
import { logins } from "./testkit/logins.ts";

const given = {
  num_entity_vectors: "200",
  vector_dim: "16",
  mini_batch_size: "200",
  epochs: "10",
  learning_rate: "0.01",
};
const train = logins({ rows: 4000, users: 60, seed: 1 });
const held = logins({ rows: 1000, users: 60, seed: 2 });
const fit = (more: Record<string, string> = {}, job: Partial<FitJob> = {}) =>
  runFit(ipInsights, {
    given: { ...given, ...more },
    contentType: "text/csv",
    channels: { train: { "rows.csv": train }, validation: { "rows.csv": held } },
    ...job,
  });
const tails = (lines: readonly string[]) => lines.map((line) => line.replace(/^\[[^\]]*\] /, ""));

test("is registered under its name, with its definition", async () => {
  expect(await registry.ipinsights?.()).toBe(ipInsights);
  expect(algorithmDefinitions.map(({ name }) => name)).toContain("ipinsights");
});

describe("what is learned", () => {
  test("tells who comes from where, for every metric of the definition", async () => {
    const result = await fit();
    const auc = result.metric("validation:discriminator_auc");
    expect(auc).toHaveLength(10);
    // A twentieth of the logins are from a shared network.
    expect(auc.at(-1)).toBeGreaterThan(0.97);
    expect(auc.at(-1)).toBeGreaterThan(auc[0] as number);
    const losses = result.metric("train:binary_classification_cross_entropy:epoch");
    expect(losses).toHaveLength(10);
    expect(losses[0]).toBeLessThan(Math.log(2) + 0.05);
    expect(losses.at(-1)).toBeLessThan(0.3);
    expect(result.metric("train:binary_classification_accuracy:epoch").at(-1)).toBeGreaterThan(0.85);
    for (const { name } of ipInsights.metrics) {
      expect(result.metric(name).length, name).toBeGreaterThan(0);
      expect(result.metric(name).every(Number.isFinite), name).toBe(true);
    }
  });

  test.for<[string, Record<string, string>]>([
    ["without layers", { num_ip_encoder_layers: "0", epochs: "30" }],
    ["with three layers", { num_ip_encoder_layers: "3" }],
    ["from random addresses alone", { random_negative_sampling_rate: "3", shuffled_negative_sampling_rate: "0" }],
    ["from shuffled addresses alone", { random_negative_sampling_rate: "0", shuffled_negative_sampling_rate: "3" }],
    ["in a mini-batch larger than the data", { mini_batch_size: "5000", epochs: "60" }],
  ])("%s", async ([, more]) => {
    const result = await fit(more);
    expect(result.metric("validation:discriminator_auc").at(-1)).toBeGreaterThan(0.8);
  });

  test("a mini-batch of one row has no other address to take, and is learned from", async () => {
    const result = await fit(
      { mini_batch_size: "1", epochs: "1" },
      { channels: { train: { "rows.csv": logins({ rows: 30, users: 3, seed: 1 }) } } },
    );
    expect(result.metric("train:binary_classification_cross_entropy:epoch").every(Number.isFinite)).toBe(true);
  });
});

test("equal jobs give equal models, on any number of threads and however rows are divided into files", async () => {
  const short = { epochs: "2" };
  // More than half a MiB, so that both reading and the kernel use threads.
  const rows = logins({ rows: 30_000, users: 60, seed: 3 });
  const half = rows.indexOf("\n", rows.length / 2) + 1;
  const parts = { "a.csv": rows.slice(0, half), "b/c.csv": rows.slice(half), "empty.csv": "" };
  const one = await fit(short, { channels: { train: { "rows.csv": rows } } });
  const three = await fit(short, { channels: { train: { "rows.csv": rows } }, cpus: 3 });
  const divided = await fit(short, { channels: { train: parts } });
  expect(three.model).toEqual(one.model);
  expect(divided.model).toEqual(one.model);
});

test("the recorded lines", async () => {
  const { lines } = await fit({ epochs: "2", batch_metrics_publish_interval: "8" });
  const shown = tails(lines);
  const value = "[\\d.e-]+";
  for (const form of [
    `^#quality_metric: host=algo-1, epoch=0, batch=0 train binary_classification_cross_entropy <loss>=${value}$`,
    `^#quality_metric: host=algo-1, epoch=0, batch=16 train binary_classification_accuracy <score>=${value}$`,
    `^#quality_metric: host=algo-1, epoch=1, train binary_classification_cross_entropy <loss>=${value}$`,
    `^#quality_metric: host=algo-1, epoch=1, validation discriminator_auc <score>=${value}$`,
    "^#progress_metric: host=algo-1, completed 50.0 % of epochs$",
    "^#progress_metric: host=algo-1, completed 100.0 % of epochs$",
    `^#throughput_metric: host=algo-1, train throughput=${value} records/second$`,
  ]) {
    expect(
      shown.some((line) => new RegExp(form).test(line)),
      form,
    ).toBe(true);
  }
  expect(shown.filter((line) => line.includes("batch=0 train"))).toHaveLength(4);
});

test("validation is measured on the same made-up addresses every time", async () => {
  const [first = 0, second = 0] = (await fit({ learning_rate: "0.000001", epochs: "2" })).metric(
    "validation:discriminator_auc",
  );
  expect(second).toBeCloseTo(first, 2); // of 1,000 other addresses it would be off by a hundredth
});

test("a stop ends a job with the model so far", async () => {
  const stop = new AbortController();
  const onLine = (line: string) => {
    if (line.includes("epoch=1, batch=0")) stop.abort(new Error("stopped"));
  };
  const { model, lines } = await fit({ epochs: "1000" }, { signal: stop.signal, onLine });
  expect(Object.keys(model)).toEqual(["model_algo-1"]);
  expect(lines.some((line) => line.includes("epoch=2,"))).toBe(false);
});

test("a stop before anything was learned ends it with the signal's reason", async () => {
  const stop = new AbortController();
  stop.abort(new Error("stopped"));
  await expect(fit({}, { signal: stop.signal })).rejects.toThrow("stopped");
});

test("a GPU instance trains on the CPU, and says so", async () => {
  const { lines } = await fit({ epochs: "1" }, { instanceType: "ml.p3.2xlarge" });
  expect(tails(lines)).toContain("ml.p3.2xlarge has GPUs on the service; here training runs on the CPU.");
});

describe("bad input", () => {
  const of = (text: string) => fit({}, { channels: { train: { "rows.csv": text } } });

  test.for<[string, string, string]>([
    ["an empty file", "", "The train channel has no rows: all of its files are empty."],
    [
      "one value",
      `${train}user-1\n`,
      "train/rows.csv, line 4001: expected 2 values, an entity and an IPv4 address, found 1.",
    ],
    ["a header", `user,ip\n${train}`, "train/rows.csv, line 1: value 2 is not an IPv4 address in dotted form: 'ip'"],
    ["an IPv6 address", `a,::1\n${train}`, "train/rows.csv, line 1: value 2 is not an IPv4 address"],
    ["no entity", `a,1.1.1.1\n,1.1.1.1\n`, "train/rows.csv, line 2: value 1, the entity, is empty."],
  ])("%s ends the job with its place", async ([, text, message]) => {
    await expect(of(text)).rejects.toThrow(message);
    await expect(of(text)).rejects.toMatchObject({ name: "CustomerError" });
  });

  test("a channel without files, a missing one and an unknown one", async () => {
    await expect(fit({}, { channels: { train: {} } })).rejects.toThrow("Channel 'train' has no files.");
    await expect(fit({}, { channels: {} })).rejects.toThrow("'train' is a required property");
    const channels = { train: { "rows.csv": train }, test: { "rows.csv": train } };
    await expect(fit({}, { channels })).rejects.toThrow("('test' was unexpected)");
  });

  test("an empty validation channel", async () => {
    const channels = { train: { "rows.csv": train }, validation: { "rows.csv": "" } };
    await expect(fit({ epochs: "1" }, { channels })).rejects.toThrow("The validation channel has no rows");
  });

  test("negative sampling rates that contradict", async () => {
    const rates = (randoms: string, shuffles: string) =>
      fit({ random_negative_sampling_rate: randoms, shuffled_negative_sampling_rate: shuffles });
    await expect(rates("0", "0")).rejects.toThrow("must add up to a number from 1 to 500; they are 0 and 0");
    await expect(rates("400", "101")).rejects.toThrow("they are 400 and 101");
  });

  test("Pipe mode and RecordIO, which the service does not take either", () => {
    const resources = { dataDirectory: "/none", cpus: 1, memoryBytes: undefined, signal: new AbortController().signal };
    expect(() => openChannels(ipInsights, { train: { TrainingInputMode: "Pipe" } }, resources)).toThrow(
      "'Pipe' is not valid under any of the given schemas: TrainingInputMode of channel 'train' must be one of 'File', 'FastFile'",
    );
    const ContentType = "application/x-recordio-protobuf";
    expect(() => openChannels(ipInsights, { train: { ContentType } }, resources)).toThrow("must be one of 'text/csv'");
  });

  test("a model and a mini-batch that will not fit", () => {
    const asked = (more: Record<string, string>) =>
      parseHyperparameters(ipInsights.hyperparameters, { ...given, ...more }) as IpInsightsHyperparameters;
    const shape = (of: IpInsightsHyperparameters): NetworkShape => ({
      vectorDim: of.vector_dim,
      layers: of.num_ip_encoder_layers,
      randoms: of.random_negative_sampling_rate,
      shuffles: of.shuffled_negative_sampling_rate,
      rows: of.mini_batch_size,
    });
    const check = (more: Record<string, string>, limit?: number) => () => {
      const values = asked(more);
      checkMemory(values, shape(values), limit);
    };
    expect(check({ num_entity_vectors: "250000000", vector_dim: "16" })).toThrow(
      "more than the 8192 MiB that a model may have",
    );
    expect(check({ mini_batch_size: "500000", vector_dim: "1024" })).toThrow("Please use a smaller mini_batch_size");
    expect(check({ num_entity_vectors: "2000000", vector_dim: "128" }, 2 ** 30)).toThrow(
      "Please use a larger instance type",
    );
    expect(check({ num_entity_vectors: "2000000", vector_dim: "128" }, 4 * 2 ** 30)).not.toThrow();
  });
});

describe("hyperparameters", () => {
  const bounds: readonly (readonly [string, string, string])[] = [
    ["num_entity_vectors", "1", "250000000"],
    ["vector_dim", "4", "4096"],
    ["batch_metrics_publish_interval", "1", "1000000"],
    ["epochs", "1", "1000000"],
    ["learning_rate", "0.000001", "10"],
    ["mini_batch_size", "1", "500000"],
    ["num_ip_encoder_layers", "0", "100"],
    ["random_negative_sampling_rate", "0", "500"],
    ["shuffled_negative_sampling_rate", "0", "500"],
    ["weight_decay", "0", "10"],
  ];
  const parse = (more: Record<string, string>) =>
    parseHyperparameters(ipInsights.hyperparameters, { ...given, ...more });

  test.for(bounds)("%s is from %s to %s", ([name, least, most]) => {
    for (const value of [least, most]) expect(() => parse({ [name]: value })).not.toThrow();
    for (const value of ["-1", "many", ...(most === "1000000" ? [] : [String(Number(most) + 1)])]) {
      expect(() => parse({ [name]: value })).toThrow(`hyperparameter '${name}' must be`);
    }
  });

  test("have the service's defaults", () => {
    expect(parseHyperparameters(ipInsights.hyperparameters, { num_entity_vectors: "10", vector_dim: "8" })).toEqual({
      num_entity_vectors: 10,
      vector_dim: 8,
      batch_metrics_publish_interval: 1000,
      epochs: 10,
      learning_rate: 0.001,
      mini_batch_size: 10_000,
      num_ip_encoder_layers: 1,
      random_negative_sampling_rate: 1,
      shuffled_negative_sampling_rate: 1,
      weight_decay: 0.00001,
    });
    expect(() => parseHyperparameters(ipInsights.hyperparameters, {})).toThrow("'vector_dim' is a required property");
  });
});

test("memory stays bounded while rows grow tenfold", () => {
  const job = {
    given: { num_entity_vectors: "1000", vector_dim: "8", epochs: "2", mini_batch_size: "2000" },
    csv: logins({ rows: 50_000, users: 60, seed: 5 }),
    times: 4,
    limitBytes: 48 * 2 ** 20,
    // A quarter of the limit is kept; the text takes 36 MiB more, and 14 MiB as numbers.
    growthBytes: 32 * 2 ** 20,
  };
  const [small, large] = [1, 10].map((times) => peakMemory("ipinsights", job, times)) as [number, number];
  expect(large - small).toBeLessThan(job.growthBytes);
}, 240_000);

test("a saved model answers as the network that was trained", async () => {
  const directory = temporaryDirectory();
  const { model } = await fit();
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "model_algo-1"), model["model_algo-1"] as Buffer);
  const answer = await openAnswers(directory);
  const products = JSON.parse(answer({ body: held })) as { predictions: { dot_product: number }[] };
  const strangers = held.replaceAll(/,\d+\.\d+/g, ",203.7");
  const others = JSON.parse(answer({ body: strangers })) as typeof products;
  const wins = products.predictions.filter(
    ({ dot_product }, i) => dot_product > (others.predictions[i]?.dot_product ?? 0),
  );
  expect(wins.length / products.predictions.length).toBeGreaterThan(0.9);
});
