import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LogFile } from "./log-file.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "log-file-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("seek finds the first line of a time or later, for any times and lengths", async () => {
  const line = fc.record({ step: fc.nat(3), length: fc.oneof(fc.nat(20), fc.constant(70_000)) });
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 25 }), fc.nat(40), async (steps, wanted) => {
      let at = 1;
      const lines = steps.map(({ step, length }) => {
        at += step;
        return `${at} ${"x".repeat(length)}\n`;
      });
      const path = join(folder, "log");
      await writeFile(path, `${lines.join("")}incomplete`);
      const file = await LogFile.open(path);
      try {
        const first = lines.findIndex((text) => Number.parseInt(text, 10) >= wanted);
        const expected = lines.slice(0, first < 0 ? lines.length : first).join("").length;
        expect(await file.seek(wanted)).toBe(expected);
      } finally {
        await file.close();
      }
    }),
    { numRuns: 60 },
  );
});

test("a file that is absent has no lines", async () => {
  const file = await LogFile.open(join(folder, "nothing"));
  expect((await file.forward(0).next()).done).toBe(true);
  expect(await file.seek(5)).toBe(0);
});
