import fc from "fast-check";
import { expect, test } from "vitest";
import { allAtOnce, bakingMs, type Deployment, shareOf, wantedInstances } from "./deployment.ts";

const variant = { desiredInstanceCount: 10 };
const rolling: Deployment = {
  ...allAtOnce,
  kind: "rolling",
  shares: [0.3, 0.6, 0.9, 1],
  waitMs: 100,
  terminationWaitMs: 100,
};
const wanted = (deployment: Deployment, now: number, isLeaving = false) =>
  (["active", "incoming"] as const).map((role) => wantedInstances({ role }, variant, deployment, now, isLeaving));

test("a rolling deployment brings a batch up, bakes it, and only then lets as many go", () => {
  expect(wanted(rolling, 0)).toEqual([10, 3]);
  const first = { ...rolling, taken: 1, since: 1_000 };
  expect(wanted(first, 1_050)).toEqual([10, 3]);
  expect(wanted(first, 1_100, true)).toEqual([7, 3]);
  expect(wanted(first, 1_100)).toEqual([7, 6]);
  expect(wanted({ ...rolling, taken: 3, since: 1_000 }, 1_050)).toEqual([4, 9]);
  const last = { ...rolling, taken: 4, since: 1_000 };
  expect(wanted(last, 1_050)).toEqual([1, 10]);
  expect(wanted(last, 1_100)).toEqual([0, 10]);
});

test("a roll-back wants the old fleet whole and no more of the new one than has traffic", () => {
  expect(wanted({ ...rolling, taken: 2, since: 0, rollingBack: "alarm" }, 10_000)).toEqual([10, 6]);
});

test("blue/green has both fleets whole all the time", () => {
  expect(wanted({ ...allAtOnce, shares: [0.1, 1], taken: 1, since: 0 }, 50)).toEqual([10, 10]);
  expect(wantedInstances({ role: "outgoing" }, variant, undefined, 0, false)).toBe(0);
});

test("traffic follows the steps, and the last wait is another than the ones between", () => {
  const canary: Deployment = { ...allAtOnce, shares: [0.2, 1], waitMs: 7, terminationWaitMs: 9 };
  expect([0, 1, 2].map((taken) => shareOf({ ...canary, taken }))).toEqual([0, 0.2, 1]);
  expect([0, 1, 2].map((taken) => bakingMs({ ...canary, taken }))).toEqual([0, 7, 9]);
});

test("a rolling deployment never has less capacity than before, nor more than one batch beyond it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 20 }),
      fc.nat(20),
      fc.boolean(),
      (count, steps, at, hasBaked) => {
        const shares = Array.from({ length: steps }, (_, step) => (step + 1) / steps);
        const taken = Math.min(at, steps);
        const deployment: Deployment = { ...rolling, shares, taken, since: 0 };
        const [old = 0, fresh = 0] = (["active", "incoming"] as const).map((role) =>
          wantedInstances({ role }, { desiredInstanceCount: count }, deployment, hasBaked ? 1_000 : 0, false),
        );
        // What has traffic and is up already: the share that was taken.
        const up = Math.ceil((count * taken) / steps - 1e-9);
        expect(old + up).toBeGreaterThanOrEqual(count);
        expect(old + fresh).toBeLessThanOrEqual(count + Math.ceil(count / steps) + 1);
      },
    ),
  );
});
