import { expect, test } from "vitest";
import { crashRun } from "./crash/crash-run.ts";

test("20 kills at random moments lose nothing that was acknowledged, every job goes on, and the endpoint answers again", {
  timeout: 240_000,
}, async () => {
  const { lost, acknowledged, jobs, invokeSeconds } = await crashRun({ kills: 20, jobs: 12 });
  expect(lost).toEqual([]);
  // The run was one: work went on between the kills.
  expect(acknowledged).toBeGreaterThan(50);
  expect(jobs).toBeGreaterThan(0);
  expect(invokeSeconds).toHaveLength(20);
});
