import { describe, expect, test } from "vitest";
import { algorithmDefinitions } from "../definitions.ts";
import type { AlgorithmModule } from "../job/algorithm.ts";
import { type Hyperparameter, parseHyperparameters } from "../job/hyperparameters.ts";
import { randomStream } from "../numerics/random.ts";
import { registry } from "../registry.ts";
import { faultyCsv, faultyRecordIo } from "./faulty-files.ts";
import { type MemoryBound, peakMemory } from "./peak-memory.ts";
import { csvOf, denseOf, recordIoOf, type TestRows } from "./row-files.ts";
import { type FitJob, type FitResult, runFit } from "./run-fit.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** What the suite must know of an algorithm. */
export interface Particulars {
  /** Hyperparameters under which a job over the rows below ends in a second or so. */
  readonly given: Readonly<Record<string, string>>;
  /** Rows to learn from; equal seeds give equal rows. Some 200 suffice. */
  rows(seed: number): TestRows;
  /** Every value of a row that is 0 in some rows: sparse input must give the same model as dense. */
  readonly hasSparse: boolean;
  /**
   * A metric of the train channel, or what is measured of the model where there is none, and how far it may be off
   * between runs that should be equally good.
   */
  readonly quality: { readonly tolerance: number } & (
    | { readonly metric: string }
    | { measure(result: FitResult, rows: TestRows): Promise<number> }
  );
  /** What the quality is when all features (not labels) are multiplied by a factor; undefined where it is no law. */
  scaled?(quality: number, factor: number): number;
  /** Metrics that a job with every channel need not print, and why. */
  readonly silentMetrics?: Readonly<Record<string, string>>;
  /** Set for algorithms that stream: how much more memory ten times the rows may take. */
  readonly memory?: MemoryBound;
  /** Set for algorithms with checkpoints: a text that is printed after each. */
  readonly checkpointed?: { readonly line: string; readonly given: Readonly<Record<string, string>> };
}

const threads = 3;
const recordIoType = "application/x-recordio-protobuf";

/** The tests that every built-in algorithm must pass. */
export function describeAlgorithm(algorithm: AlgorithmModule, particulars: Particulars): void {
  const { given, quality } = particulars;
  const rows = particulars.rows(1);
  const labelSize = rows.labels === undefined ? 0 : 1;
  const takesCsv = algorithm.channels.every(({ contentTypes }) => contentTypes.includes("text/csv"));
  const ending = takesCsv ? "csv" : "pbr";
  const contentOf = (some: TestRows) => (takesCsv ? csvOf(some) : recordIoOf(some, false));
  const contentType = takesCsv ? `text/csv;label_size=${labelSize}` : recordIoType;
  const train = (content: TestRows | string | Uint8Array, more: Partial<FitJob> = {}) =>
    runFit(algorithm, {
      given,
      channels: {
        train: {
          [`rows.${ending}`]: typeof content === "string" || "length" in content ? content : contentOf(content),
        },
      },
      contentType,
      ...more,
    });
  const qualityOf = async (result: FitResult, of = rows) =>
    "metric" in quality ? (result.metric(quality.metric).at(-1) as number) : await quality.measure(result, of);
  const expectSimilar = (value: number, wanted: number) =>
    expect(Math.abs(value - wanted) / Math.abs(wanted)).toBeLessThanOrEqual(quality.tolerance);

  describe(`${algorithm.name}, as every algorithm`, () => {
    test("is registered under its name, with its definition", async () => {
      expect(await registry[algorithm.name]?.()).toBe(algorithm);
      expect(algorithmDefinitions.map(({ name }) => name)).toContain(algorithm.name);
    });

    test("prints every metric of its definition, in a form that the platform reads", async () => {
      const channels = Object.fromEntries(
        algorithm.channels.map(({ name }) => [name, { [`rows.${ending}`]: contentOf(rows) }]),
      );
      const result = await train(rows, { channels });
      const silent = Object.keys(particulars.silentMetrics ?? {});
      for (const { name } of algorithm.metrics) {
        const values = result.metric(name);
        if (!silent.includes(name)) expect(values.length, name).toBeGreaterThan(0);
        expect(values.every(Number.isFinite), `${name}: ${values}`).toBe(true);
      }
    });

    describe("hyperparameters", () => {
      const required = Object.entries(algorithm.hyperparameters).filter(([, declared]) => declared.required);
      test.for(required.map(([name]) => name))("%s is required", (name) => {
        const { [name]: _, ...without } = given;
        expect(() => parseHyperparameters(algorithm.hyperparameters, without)).toThrow(
          `'${name}' is a required property`,
        );
      });

      test.for(Object.entries(algorithm.hyperparameters).flatMap(beyondBounds))("%s refuses %j", ([name, value]) => {
        expect(() => parseHyperparameters(algorithm.hyperparameters, { ...given, [name]: value })).toThrow(
          `'${value}' is not valid under any of the given schemas: hyperparameter '${name}' must be`,
        );
      });

      test.for(Object.entries(algorithm.hyperparameters).flatMap(atBounds))("%s takes %j", ([name, value]) => {
        expect(() => parseHyperparameters(algorithm.hyperparameters, { ...given, [name]: value })).not.toThrow();
      });

      test("an unknown one is refused", () => {
        expect(() => parseHyperparameters(algorithm.hyperparameters, { ...given, no_such: "1" })).toThrow("'no_such'");
      });
    });

    test("equal jobs give equal models, on any number of threads", async () => {
      const first = await train(rows);
      expect(Object.keys(first.model).length).toBeGreaterThan(0);
      expect((await train(rows)).model).toEqual(first.model);
      expect((await train(rows, { cpus: threads })).model).toEqual(first.model);
    });

    test("the same rows in every content type, dense and sparse, give the same model", async () => {
      const wanted = await qualityOf(await train(rows));
      for (const isSparse of particulars.hasSparse ? [false, true] : [false]) {
        const channels = { train: { "rows.pbr": recordIoOf(rows, isSparse) } };
        expectSimilar(await qualityOf(await runFit(algorithm, { given, channels, contentType: recordIoType })), wanted);
      }
    });

    test("the order of rows and their division into files do not matter for quality", async () => {
      const wanted = await qualityOf(await train(rows));
      const shuffled = shuffle(rows, 7);
      expectSimilar(await qualityOf(await train(shuffled)), wanted);
      const half = Math.floor(rows.features.length / 2);
      const parts = [slice(rows, 0, half), slice(rows, half, rows.features.length)].map((part) => contentOf(part));
      const channels = {
        train: { [`a.${ending}`]: parts[0] ?? "", [`b/c.${ending}`]: parts[1] ?? "", [`empty.${ending}`]: "" },
      };
      expect((await train(rows, { channels })).model).toEqual((await train(rows)).model);
    });

    // What does not concern an algorithm is no test of it: a skipped one would say that something was left out.
    const { scaled, checkpointed, memory } = particulars;
    if (scaled !== undefined) {
      test.for([0.001, 1000])("features of another unit, times %f", async (factor) => {
        const features = rows.features.map((row) => row.map((value) => value * factor));
        const wanted = scaled(await qualityOf(await train(rows)), factor);
        const other = { ...rows, features };
        expectSimilar(await qualityOf(await train(other), other), wanted);
      });
    }

    test("a loaded model answers every row, alone as among others, dense as sparse", async () => {
      const predictor = await (await train(rows)).load();
      const request = { acceptParameters: new Map<string, string>() };
      const all = predictor.predict(denseOf(rows), request);
      expect(predictor.featureDim).toBe(rows.features[0]?.length);
      expect(all.rows).toBe(rows.features.length);
      for (const { name, width = 1, values } of all.columns) {
        expect(values, name).toHaveLength(all.rows * width);
        expect(values.every(Number.isFinite), name).toBe(true);
      }
      for (let i = 0; i < all.rows; i += 17) {
        const one = predictor.predict(denseOf(slice(rows, i, i + 1)), request);
        for (const [c, { name, width = 1, values }] of all.columns.entries()) {
          expect([...(one.columns[c]?.values ?? [])], name).toEqual([...values.subarray(i * width, (i + 1) * width)]);
        }
      }
    });

    describe("bad input", () => {
      const faulty = takesCsv ? faultyCsv(rows) : faultyRecordIo(rows);
      test.for(faulty)("%s ends the job with its place", async ([, content, message]) => {
        await expect(train(content)).rejects.toThrow(message);
        await expect(train(content)).rejects.toMatchObject({ name: "CustomerError" });
      });

      test("a channel without files", async () => {
        await expect(train(rows, { channels: { train: {} } })).rejects.toThrow("Channel 'train' has no files.");
      });

      test("a missing channel and an unknown one", async () => {
        await expect(train(rows, { channels: {} })).rejects.toThrow("'train' is a required property");
        const channels = { train: { rows: contentOf(rows) }, other: { rows: contentOf(rows) } };
        await expect(train(rows, { channels })).rejects.toThrow("('other' was unexpected)");
      });

      test("a constant column, and one of zeros, are none", async () => {
        const features = rows.features.map((row) => row.map((value, j) => (j === 0 ? 7 : j === 1 ? 0 : value)));
        const result = await train({ ...rows, features });
        expect(Number.isFinite(await qualityOf(result))).toBe(true);
        const { columns } = (await result.load()).predict(denseOf({ features }), { acceptParameters: new Map() });
        expect(columns.every(({ values }) => values.every(Number.isFinite))).toBe(true);
      });
    });

    test("an instance type with GPUs trains on the CPU, to the same model, and says so", async () => {
      const { lines, model } = await train(rows, { instanceType: "ml.g5.xlarge" });
      const notice = /^\[.* WARNING \d+\] ml\.g5\.xlarge has GPUs on the service; here training runs on the CPU\.$/;
      expect(lines.filter((line) => notice.test(line))).toHaveLength(1);
      const onCpus = await train(rows, { instanceType: "ml.m5.xlarge" });
      expect(onCpus.lines.join()).not.toContain("GPU");
      expect(model).toEqual(onCpus.model);
    });

    test("a stop ends a job, with a model or with the signal's own reason", async () => {
      const stop = new AbortController();
      const reason = new Error("stopped");
      const job = train(rows, { signal: stop.signal, onLine: () => stop.abort(reason) });
      const outcome = await job.then(
        ({ model }) => Object.keys(model).length > 0,
        (error: unknown) => error === reason,
      );
      expect(outcome).toBe(true);
    });

    if (checkpointed !== undefined) {
      test("a job that was killed goes on from its checkpoint to the same model", async () => {
        const long = { given: checkpointed.given ?? given };
        const wanted = await train(rows, long);
        const checkpointsDirectory = temporaryDirectory();
        const stop = new AbortController();
        let seen = 0;
        const onLine = (line: string) => {
          if (line.includes(checkpointed.line) && ++seen === 2) stop.abort(new Error("killed"));
        };
        await train(rows, { ...long, checkpointsDirectory, signal: stop.signal, onLine }).catch(() => undefined);
        const resumed = await train(rows, { ...long, checkpointsDirectory });
        expect(resumed.lines.some((line) => line.includes("Resuming from the checkpoint"))).toBe(true);
        expect(resumed.model).toEqual(wanted.model);
      });
    }

    if (memory !== undefined) {
      test("memory stays bounded while rows grow tenfold", () => {
        const [small, large] = [1, 10].map((times) => peakMemory(algorithm.name, memory, times)) as [number, number];
        expect(large - small).toBeLessThan(memory.growthBytes);
      }, 120_000);
    }
  });
}

/** Values just outside of what a hyperparameter takes. */
function beyondBounds([name, { rules }]: readonly [string, Hyperparameter]): (readonly [string, string])[] {
  if (rules.some(({ type }) => type === "text")) return [];
  return [
    [name, "no such value"] as const,
    ...rules.flatMap((rule) => {
      if (rule.type !== "integer" && rule.type !== "number") return [];
      const step = rule.type === "integer" ? 1 : 1e-9;
      return [
        ...(rule.type === "integer" ? ["1.5"] : []),
        ...(rule.min === undefined ? [] : [String(rule.min - step)]),
        ...(rule.max === undefined ? [] : [String(rule.max + step)]),
        ...(rule.type === "number" && rule.above !== undefined ? [String(rule.above)] : []),
        ...(rule.type === "number" && rule.below !== undefined ? [String(rule.below)] : []),
      ].map((value) => [name, value] as const);
    }),
  ];
}

/** Values that are just inside, and the default. */
function atBounds([name, { rules, default: fallback }]: readonly [string, Hyperparameter]): (readonly [
  string,
  string,
])[] {
  const defaults = fallback === undefined ? [] : [typeof fallback === "string" ? fallback : JSON.stringify(fallback)];
  const bounds = rules.flatMap((rule) => {
    if (rule.type === "words") return rule.words;
    if (rule.type !== "integer" && rule.type !== "number") return [];
    return [rule.min, rule.max].flatMap((bound) => (bound === undefined ? [] : [String(bound)]));
  });
  return [...new Set([...defaults, ...bounds])].map((value) => [name, value] as const);
}

function slice({ features, labels }: TestRows, from: number, to: number): TestRows {
  return { features: features.slice(from, to), ...(labels === undefined ? {} : { labels: labels.slice(from, to) }) };
}

function shuffle({ features, labels }: TestRows, seed: number): TestRows {
  const random = randomStream(seed);
  const order = features.map((_, i) => ({ i, key: random.uniform() })).sort((a, b) => a.key - b.key);
  const pick = <T>(values: readonly T[]) => order.map(({ i }) => values[i] as T);
  return { features: pick(features), ...(labels === undefined ? {} : { labels: pick(labels) }) };
}
