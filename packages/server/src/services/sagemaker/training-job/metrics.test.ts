import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { algorithmError } from "./failure-reason.ts";
import { lastLogLines } from "./last-words.ts";
import { finalMetrics, pythonRegex } from "./metrics.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "metrics-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("the last finite value of each metric counts, with its line's time", async () => {
  const log = join(folder, "log");
  await writeFile(log, "1 loss=2.5\n2 acc=1e-1 loss=0.5\n3 loss=nan\n4 progress 10%\r20% acc=.75\n");
  const metrics = await finalMetrics(log, [
    { name: "loss", regex: "loss=(\\S+)" },
    { name: "never", regex: "never=(\\S+)" },
    { name: "acc", regex: "acc=(?P<value>[0-9.e-]+)" },
  ]);
  expect(metrics).toEqual([
    { name: "loss", value: 0.5, at: 2 },
    { name: "acc", value: 0.75, at: 4 },
  ]);
});

test("a log that is not there has no metrics and no last words", async () => {
  expect(await finalMetrics(join(folder, "nothing"), [{ name: "a", regex: "(.)" }])).toEqual([]);
  expect(await lastLogLines(join(folder, "nothing"))).toBe("");
});

test.for<[string, string, boolean]>([
  ["(?i)LOSS=(\\d)", "loss=1", true],
  ["\\Aloss=(\\d)\\Z", "loss=1", true],
  ["\\Aloss=(\\d)\\Z", "a loss=1", false],
  ["(?P<a>x)(?P=a)", "xx", true],
])("Python's %s on %s: %s", ([regex, text, matches]) => {
  expect(pythonRegex(regex)?.test(text)).toBe(matches);
});

test("what is no regular expression here is left out", () => {
  expect(pythonRegex("(")).toBeUndefined();
});

test("a failure reason keeps its exit code within 1,024 characters", () => {
  expect(algorithmError("short", 3)).toBe("AlgorithmError: short, exit code: 3");
  const long = algorithmError("é".repeat(2000), 137);
  expect(long).toHaveLength(1024);
  expect(long.endsWith("é, exit code: 137")).toBe(true);
});
