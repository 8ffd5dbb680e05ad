import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { algorithmError } from "./failure-reason.ts";
import { lastLogLines } from "./last-words.ts";

test("a log that is not there has no last words", async () => {
  expect(await lastLogLines(join(tmpdir(), "no-such-folder", "log"))).toBe("");
});

test("a failure reason keeps its exit code within 1,024 characters", () => {
  expect(algorithmError("short", 3)).toBe("AlgorithmError: short, exit code: 3");
  const long = algorithmError("é".repeat(2000), 137);
  expect(long).toHaveLength(1024);
  expect(long.endsWith("é, exit code: 137")).toBe(true);
});
