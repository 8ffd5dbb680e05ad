import { expect, test } from "vitest";
import type { StoppingRule } from "./early-stopping.ts";
import { isAsGoodAsBest, isExhausted, observe, startStopping } from "./early-stopping.ts";

const rule = (direction: StoppingRule["direction"]): StoppingRule => ({ patience: 2, tolerance: 0.01, direction });

test.for<[string, StoppingRule["direction"], number[], number | undefined]>([
  ["a falling loss goes on", "minimise", [10, 9, 8, 7, 6], undefined],
  ["a loss that stands still ends after the patience", "minimise", [10, 10, 10, 10], 3],
  ["improvement below the tolerance is none", "minimise", [10, 9.95, 9.91, 5], 3],
  ["slow improvement counts once it adds up", "minimise", [10, 9.95, 9.85, 9.8, 9.7], undefined],
  ["a rising score goes on", "maximise", [0.5, 0.6, 0.7, 0.8], undefined],
  ["a falling score ends", "maximise", [0.9, 0.8, 0.7], 3],
  ["losses below zero are compared by size", "minimise", [-1, -2, -3, -4], undefined],
  ["divergence ends", "minimise", [Number.NaN, Number.NaN], 2],
])("%s", ([, direction, values, end]) => {
  let state = startStopping;
  let ended: number | undefined;
  values.forEach((value, i) => {
    if (ended !== undefined) return;
    state = observe(state, value, rule(direction));
    if (isExhausted(state, rule(direction))) ended = i + 1;
  });
  expect(ended).toBe(end);
});

test("an epoch within the tolerance is as good as the best", () => {
  const state = observe(startStopping, 10, rule("minimise"));
  expect([9, 10, 10.1, 10.2, Number.NaN].map((value) => isAsGoodAsBest(state, value, rule("minimise")))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
