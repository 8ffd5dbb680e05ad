import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { distributionOf } from "../distribution.ts";
import { maxLagBytes } from "../log/log-reader.ts";
import type { MetricStore } from "../metric-store.ts";
import { openMetricStore } from "./open-metric-store.ts";
import { maxStepsOfMetric } from "./steps.ts";

const scope = { partition: "aws", account: "111122223333", region: "us-west-2" };
const metric = { scope, namespace: "N", name: "m", dimensions: [] };
const start = 1_700_006_400; // a whole hour, and so a whole minute and five

let folder: string;
let store: MetricStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "metrics-"));
  store = openMetricStore(join(folder, "metrics.db"), { clock: { now: Date.now } });
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const read = (name: string, period: number, from = start, to = start + 86_400) =>
  store.statistics({ ...metric, name, from, to, period });

test("points put at once and one after another are the same", async () => {
  const point = (name: string, value: number, at: number) => ({
    ...{ ...metric, name, unit: "None", resolution: 60 as const, at },
    values: distributionOf([[value, 1]]),
  });
  const values = [3, 1, 2, 2, 9];
  await store.put(values.map((value, i) => point("a", value, start + i * 20)));
  await Promise.all(values.map((value, i) => store.put([point("b", value, start + i * 20)])));
  const a = await read("a", 60);
  expect(a.map(({ at, values: { count, sum } }) => [at - start, count, sum])).toEqual([
    [0, 3, 6],
    [60, 2, 11],
  ]);
  expect(await read("b", 60)).toEqual(a);
});

test("old points are put together, then dropped, and totals stay right", async () => {
  const seconds = Array.from({ length: 600 }, (_, i) => ({
    ...{ ...metric, name: "old", unit: "None", resolution: 1 as const, at: start + i },
    values: distributionOf([[i, 1]]),
  }));
  await store.put(seconds);
  const ages = [4 * 3600, 16 * 86_400, 64 * 86_400];
  const counts = [];
  for (const age of ages) {
    await store.collect((start + age) * 1000);
    counts.push((await read("old", 1)).length + (await read("old", 60)).length);
    const [hour] = await read("old", 3600);
    expect(hour?.values).toMatchObject({ count: 600, sum: 179_700, min: 0, max: 599 });
  }
  expect(counts).toEqual([10, 0, 0]);
  expect((await store.list({ scope, name: "old", dimensions: [], limit: 10 })).metrics).toHaveLength(1);
  await store.collect((start + 456 * 86_400) * 1000);
  expect((await store.list({ scope, name: "old", dimensions: [], limit: 10 })).metrics).toHaveLength(0);
});

test("a log is read once, across restarts and half-written lines", async () => {
  const file = join(folder, "a.log");
  const log = {
    ...{ owner: "job", file, definitions: [{ name: "loss", regex: "loss=(\\S+)" }] },
    series: { scope, namespace: "Jobs", dimensions: [["TrainingJobName", "j"]] as const },
  };
  const values = async () => {
    const found = await store.statistics({
      ...{ scope, namespace: "Jobs", name: "loss", dimensions: log.series.dimensions, period: 60 },
      ...{ from: start, to: start + 600 },
    });
    return found.map(({ at, values: { count, sum } }) => [at - start, count, sum]);
  };
  expect(await store.followLog(log)).toEqual({ hasMore: false, notices: [] });
  await writeFile(file, `${start * 1000 + 1} loss=4\n${start * 1000 + 2} loss=3\n${(start + 61) * 1000} loss=`);
  await store.followLog(log);
  expect(await values()).toEqual([[0, 2, 7]]);
  await store.close();
  store = openMetricStore(join(folder, "metrics.db"), { clock: { now: Date.now } });
  await appendFile(file, "2\n");
  await Promise.all([store.followLog(log), store.followLog(log)]);
  expect(await values()).toEqual([
    [0, 2, 7],
    [60, 1, 2],
  ]);
  expect(await store.lastValues("job")).toEqual([{ name: "loss", value: 2, at: (start + 61) * 1000 }]);
  await store.forgetLogs("job");
  expect(await store.lastValues("job")).toEqual([]);
  expect(await values()).toHaveLength(2);
});

test("a log that grows faster than it is read is passed over in part, with a notice", async () => {
  const file = join(folder, "big.log");
  const line = `${start * 1000} ${"x".repeat(1023)}\n`;
  await writeFile(file, line.repeat(Math.ceil(maxLagBytes / line.length) + 100));
  await appendFile(file, `${start * 1000} loss=1\n`);
  const log = { owner: "big", file, definitions: [{ name: "loss", regex: "loss=(\\d)" }] };
  const notices: string[] = [];
  for (let more = true; more; ) {
    const look = await store.followLog(log);
    notices.push(...look.notices);
    more = look.hasMore;
  }
  expect(notices).toEqual(["The log grows faster than metrics are read off it; parts of it are passed over."]);
  expect(await store.lastValues("big")).toMatchObject([{ name: "loss", value: 1 }]);
});

test("raw values of a run are kept once each, up to their limit", async () => {
  const point = (step: number, value: number) => ({ name: "loss", step, at: start * 1000 + step, value });
  const run = { scope, run: "r" };
  const range = { ...run, name: "loss", axis: "step" as const, from: 0, to: 10, limit: 100 };
  await store.putSteps({ ...run, points: [point(1, 5), point(0, 6), point(1, 4)] });
  expect(await store.steps(range)).toEqual([
    { step: 0, at: start * 1000, value: 6 },
    { step: 1, at: start * 1000 + 1, value: 4 },
  ]);
  const rest = Array.from({ length: maxStepsOfMetric - 1 }, (_, i) => point(i + 2, i));
  const refused = await store.putSteps({ ...run, points: rest });
  expect(refused).toEqual([{ index: maxStepsOfMetric - 2, reason: "limit" }]);
  await store.forgetSteps(scope, "r");
  expect(await store.steps(range)).toEqual([]);
});

test("what a failed batch did is undone", async () => {
  const broken = { ...metric, name: "broken", unit: "None", resolution: 60 as const, at: start };
  const put = store.put([{ ...broken, values: { count: Number.NaN, sum: 0, min: 0, max: 0 } }]);
  await expect(put).rejects.toThrow("NOT NULL");
  await store.put([{ ...broken, values: distributionOf([[1, 1]]) }]);
  expect(await read("broken", 60)).toMatchObject([{ values: { count: 1 } }]);
});

test("logs that are looked at together are read once each, and one that cannot be read keeps no other back", async () => {
  const files = Array.from({ length: 150 }, (_, index) => join(folder, `many-${index}.log`));
  for (const [index, file] of files.entries()) await writeFile(file, `${start * 1000} loss=${index}\n`);
  const look = (file: string) =>
    store.followLog({ owner: file, file, definitions: [{ name: "loss", regex: "loss=(\\d+)" }] });
  const looks = files.flatMap((file, index) => (index === 70 ? [look(folder), look(file)] : [look(file)]));
  const ends = await Promise.allSettled([...looks, store.lastValues(files[3] as string)]);
  // A folder in the place of a log.
  expect(ends.flatMap(({ status }, index) => (status === "rejected" ? [index] : []))).toEqual([70]);
  for (const [index, file] of files.entries()) {
    expect(await store.lastValues(file)).toMatchObject([{ name: "loss", value: index }]);
  }
});
