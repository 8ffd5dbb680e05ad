import { expect, test } from "vitest";
import { defaultSpotPolicy, interruptedAt } from "./spot-policy.ts";

const hour = 3_600_000;
const noon = Date.UTC(2026, 0, 1, 12);

test("nothing is interrupted by default", () => {
  expect(interruptedAt(defaultSpotPolicy, "t-1", noon)).toBe(Number.POSITIVE_INFINITY);
});

test("of many attempts, the configured share is interrupted within the hour, each at a time of its own", () => {
  const policy = { ...defaultSpotPolicy, hourlyProbability: 0.3 };
  const times = Array.from({ length: 5_000 }, (_, i) => interruptedAt(policy, `t-${i}`, noon) - noon);
  const within = times.filter((time) => time <= hour).length / times.length;
  // Four standard deviations of a share of 5,000.
  expect(Math.abs(within - 0.3)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / 5_000));
  expect(new Set(times).size).toBeGreaterThan(4_990);
  expect(interruptedAt(policy, "t-7", noon) - noon).toBe(times[7]);
});

test.for<[string, readonly number[], number, number]>([
  ["later in this hour", [30], noon, noon + hour / 2],
  ["in the next, when the minute has passed", [30], noon + 0.75 * hour, noon + 1.5 * hour],
  ["at the first of several", [50, 10], noon + hour / 2, noon + (50 / 60) * hour],
  ["not at the very start", [0], noon, noon + hour],
])("a schedule interrupts %s", ([, minutesOfHour, startedAt, at]) => {
  expect(interruptedAt({ ...defaultSpotPolicy, minutesOfHour }, "t-1", startedAt)).toBe(at);
});
