import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../testkit/temporary-directory.ts";

const program = join(import.meta.dirname, "testkit/stream-program.ts");
const mebibyte = 2 ** 20;
const limitBytes = 64 * mebibyte;
const cpus = 2;

/** Two passes over so many MiB of text, whose numbers take twice that as floats. */
function stream(mebibytes: number): { rows: number; sum: number; peakBytes: number } {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "train"));
  const part = "1,2,3,4,5,6,7,8\n".repeat(mebibyte / 16);
  for (let i = 0; i < mebibytes; i++) writeFileSync(join(directory, "train", `${i}.csv`), part);
  const args = [program, directory, String(cpus), String(limitBytes)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

test("memory stays within the written limit while rows grow tenfold", () => {
  const small = stream(8);
  const large = stream(80);
  expect([small.rows, large.rows]).toEqual([2 * 8 * (mebibyte / 16), 2 * 80 * (mebibyte / 16)]);
  expect(large.sum).toBe(36 * large.rows);
  // README of the package: what is kept, a quarter of the limit, and a window of 2 blocks a thread and 2 more of at most 1 MiB
  // each. Of these the small channel has all, but of what is kept only a part. The rest of the limit is left to garbage, which
  // waits longer on a busy machine. The large channel's rows alone take 160 MiB.
  expect(large.peakBytes - small.peakBytes).toBeLessThan(limitBytes);
});
