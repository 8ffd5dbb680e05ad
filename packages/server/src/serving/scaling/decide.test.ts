import { expect, test } from "vitest";
import { decide, type Signal, type Situation } from "./decide.ts";

const now = 1_000_000_000;
const calm: Situation = {
  ...{ now, current: 2, min: 1, max: 10, held: 0, signals: [], cooldownMs: 300_000 },
  suspended: { in: false, out: false, scheduled: false },
};
const tracking = (kind: "in" | "out", ratio: number, measuredSince = now - 60_000): Signal => ({
  ...{ kind, ratio, measuredSince, policy: `track-${kind}`, cause: kind, cooldownMs: 300_000 },
});
const step = (ScalingAdjustment: number, breach = 1): Signal => ({
  kind: "step",
  ...{ policy: "steps", cause: "alarm", cooldownMs: 120_000, breach, isBelow: breach < 0 },
  rule: {
    StepAdjustments: [
      breach < 0
        ? { MetricIntervalUpperBound: 0, ScalingAdjustment }
        : { MetricIntervalLowerBound: 0, ScalingAdjustment },
    ],
  },
});
const changed = (from: number, to: number, ago: number, cooldown = 300_000) => ({
  last: { from, to, at: now - ago, until: now - ago + cooldown },
});

test.for<[string, Partial<Situation>, object]>([
  ["nothing to do", {}, { kind: "none" }],
  ["proportional to the metric", { signals: [tracking("out", 2.1)] }, { kind: "change", to: 5, policy: "track-out" }],
  ["never above the maximum", { signals: [tracking("out", 50)] }, { to: 10 }],
  ["already there", { current: 10, signals: [tracking("out", 2)] }, { kind: "idle", code: "AlreadyAtMaxCapacity" }],
  ["in, as far as the metric allows", { current: 8, signals: [tracking("in", 0.4)] }, { to: 4 }],
  ["not below the minimum", { current: 1, signals: [tracking("in", 0)] }, { code: "AlreadyAtMinCapacity" }],
  [
    "one instance that is needed",
    { current: 1, min: 0, signals: [tracking("in", 0.2)] },
    { code: "AlreadyAtDesiredCapacity" },
  ],
  ["to zero without any load", { min: 0, signals: [tracking("in", 0)] }, { kind: "change", to: 0 }],
  [
    "tracking policies go in together",
    { current: 8, signals: [tracking("in", 0.1), { kind: "keep" }] },
    { kind: "none" },
  ],
  ["of two, the larger", { current: 8, signals: [tracking("in", 0.1), tracking("in", 0.5)] }, { to: 4 }],
  ["out wins over in", { signals: [tracking("in", 0.1), step(1)] }, { to: 3, policy: "steps" }],
  ["steps out", { signals: [step(3)] }, { to: 5, cooldownMs: 120_000 }],
  ["steps in", { current: 5, signals: [step(-2, -1)] }, { to: 3 }],
  ["below the minimum", { min: 4, signals: [tracking("in", 0.1)] }, { to: 4, cause: /minimum capacity was set to 4/u }],
  ["above the maximum", { current: 12 }, { to: 10, cause: /maximum capacity was set to 10/u }],
  ["stopped by hand", { current: 0, min: 1, held: 5, signals: [step(1)] }, { kind: "none" }],
  ["woken by a request", { current: 0, min: 0, held: 1 }, { to: 1, cause: /a request arrived/u, cooldownMs: 300_000 }],
  ["woken by an alarm", { current: 0, min: 0, signals: [step(2)] }, { to: 2 }],
  // Cooldowns.
  ["no more of the same", { current: 4, ...changed(2, 4, 60_000), signals: [tracking("out", 2)] }, { kind: "none" }],
  ["more than that", { current: 4, ...changed(2, 4, 60_000), signals: [tracking("out", 3)] }, { to: 6 }],
  ["a step that is larger", { current: 3, ...changed(2, 3, 60_000), signals: [step(4)] }, { to: 6 }],
  ["a step of the same size", { current: 3, ...changed(2, 3, 60_000), signals: [step(1)] }, { kind: "none" }],
  ["after it", { current: 3, ...changed(2, 3, 400_000), signals: [step(1)] }, { to: 4 }],
  ["no scale-in in it", { current: 4, ...changed(2, 4, 60_000), signals: [tracking("in", 0.1)] }, { kind: "none" }],
  ["nor after a scale-in", { current: 4, ...changed(6, 4, 60_000), signals: [tracking("in", 0.1)] }, { kind: "none" }],
  ["out after a scale-in", { current: 4, ...changed(6, 4, 60_000), signals: [step(1)] }, { to: 5 }],
  [
    "an old metric, without a cooldown",
    { current: 4, ...changed(2, 4, 5_000, 0), signals: [tracking("out", 2)] },
    { kind: "none" },
  ],
  ["an alarm acts once a minute", { acted: { steps: now - 20_000 }, signals: [step(1)] }, { kind: "none" }],
  ["and again after it", { acted: { steps: now - 60_000 }, signals: [step(1)] }, { to: 3 }],
  // Suspended.
  ["suspended out", { suspended: { in: false, out: true, scheduled: false }, signals: [step(1)] }, { kind: "none" }],
  [
    "suspended in",
    { suspended: { in: true, out: false, scheduled: false }, signals: [tracking("in", 0.1)] },
    { kind: "none" },
  ],
  [
    "suspended and asleep",
    { current: 0, min: 0, held: 1, suspended: { in: false, out: true, scheduled: false } },
    { kind: "none" },
  ],
])("%s", ([, change, expected]) => {
  const decision = decide({ ...calm, ...change });
  if ("cause" in expected) {
    expect("cause" in decision ? decision.cause : "").toMatch(expected.cause as RegExp);
    expect(decision).toMatchObject({ ...expected, cause: expect.any(String) as string });
  } else expect(decision).toMatchObject(expected);
});
