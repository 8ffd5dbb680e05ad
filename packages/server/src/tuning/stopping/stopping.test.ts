import { expect, test } from "vitest";
import { randomStream } from "../random-stream.ts";
import { Hyperband } from "./hyperband.ts";
import { MedianRule } from "./median-rule.ts";

const hyperband = (changes: object = {}) =>
  new Hyperband({ maximise: false, minResource: 1, maxResource: 27, seed: 3, ...changes });

/** Trials of the bracket that begins at the least resource, which is most of them. */
function eager(rule: Hyperband, count: number): number[] {
  return Array.from({ length: 40 * count }, (_, k) => k + 1)
    .filter((trial) => rule.bracketOf(trial) === 0)
    .slice(0, count);
}

test("the best third goes on from a rung, in whatever order trials come", () => {
  const rule = hyperband();
  const trials = eager(rule, 9);
  const losses = [5, 4, 9, 1, 8, 7, 2, 6, 3];
  const decisions = trials.map((trial, k) => rule.review(trial, [losses[k] as number]));
  // Two alone cannot be told apart; from then on, one of three is among the best third of those that were there.
  expect(decisions).toEqual([
    "continue",
    "continue",
    "stop",
    "continue",
    "stop",
    "stop",
    "continue",
    "stop",
    "continue",
  ]);
});

test("large objectives are good when they are to be maximised", () => {
  const rule = hyperband({ maximise: true });
  const [a = 0, b = 0, c = 0, d = 0] = eager(rule, 4);
  expect([rule.review(a, [5]), rule.review(b, [4]), rule.review(c, [1]), rule.review(d, [9])]).toEqual([
    ...["continue", "continue", "stop", "continue"],
  ]);
});

test("a rung is decided once: looking again, with more known, changes nothing", () => {
  const rule = hyperband();
  const [first = 0, ...others] = eager(rule, 8);
  expect(rule.review(first, [5])).toBe("continue");
  for (const [k, trial] of others.entries()) rule.review(trial, [k / 10]);
  expect(rule.review(first, [5])).toBe("continue");
  expect(rule.review(first, [5, 5])).toBe("continue");
  expect(rule.review(first, [5, 5, 5])).toBe("continue");
});

test("no trial is stopped before the least resource, and every one at the greatest", () => {
  const rule = hyperband({ minResource: 4, maxResource: 8 });
  const trials = eager(rule, 6);
  for (const trial of trials) expect(rule.review(trial, [trial, trial, trial])).toBe("continue");
  expect(trials.map((trial) => rule.review(trial, [trial, trial, trial, trial])).slice(2)).toContain("stop");
  expect(rule.review(trials[0] as number, Array(8).fill(1))).toBe("stop");
});

test("a trial that was known before a restart is not judged again by what it had reported", () => {
  const rule = hyperband();
  const [a = 0, b = 0, c = 0] = eager(rule, 3);
  rule.end(a, [1]);
  rule.end(b, [2]);
  rule.restore(c, [9]);
  expect(rule.review(c, [9])).toBe("continue");
  expect(rule.review(c, [9, 9, 9])).toBe("continue");
});

test("brackets are shared out as Hyperband does: most trials begin at the least resource", () => {
  const rule = hyperband();
  const counts = [0, 0, 0, 0];
  for (let trial = 1; trial <= 4000; trial++)
    counts[rule.bracketOf(trial)] = (counts[rule.bracketOf(trial)] as number) + 1;
  // Three rungs below 27: 27/4, 9/3, 3/2 and 1.
  const total = 27 / 4 + 3 + 1.5 + 1;
  for (const [first, share] of [27 / 4, 3, 1.5, 1].entries()) {
    expect((counts[first] as number) / 4000).toBeCloseTo(share / total, 1);
  }
});

test("with many workers at once, good trials come through and little is spent on bad ones", () => {
  const rule = hyperband({ maxResource: 81 });
  const random = randomStream(5);
  const quality = Array.from({ length: 60 }, () => random.uniform());
  const running = new Map<number, number[]>();
  let next = 1;
  let spent = 0;
  const finished: number[] = [];
  while (next <= 60 || running.size > 0) {
    while (running.size < 8 && next <= 60) running.set(next++, []);
    for (const [trial, curve] of running) {
      curve.push((quality[trial - 1] as number) + 1 / (curve.length + 1));
      spent += 1;
      if (rule.review(trial, curve) === "continue") continue;
      rule.end(trial, curve);
      running.delete(trial);
      if (curve.length === 81) finished.push(quality[trial - 1] as number);
    }
  }
  expect(spent).toBeLessThan(0.4 * 60 * 81);
  expect(Math.min(...finished)).toBeLessThan(0.15);
});

test.for<[string, boolean, readonly number[], "continue" | "stop"]>([
  ["better than the median", false, [4, 2], "continue"],
  ["as good as the median", false, [4, 3], "continue"],
  ["worse than the median of running averages", false, [4, 3.6], "stop"],
  ["worse at an epoch that was passed already", false, [5, 1], "stop"],
  ["better, when large is good", true, [4, 4], "continue"],
  ["worse, when large is good", true, [4, 3.4], "stop"],
  ["beyond what others came to", false, [4, 3, 99], "continue"],
])("median rule: %s", ([, maximise, curve, decision]) => {
  const rule = new MedianRule(maximise);
  // Averages at the second epoch: 3, 3.5 and 4, whose median is 3.5.
  rule.end(1, [4, 2]);
  rule.end(2, [4, 3]);
  rule.end(3, [4, 4]);
  expect(rule.review(4, curve)).toBe(decision);
});

test("median rule: two trials are no history", () => {
  const rule = new MedianRule(false);
  rule.end(1, [1]);
  rule.end(2, [1]);
  expect(rule.review(3, [100])).toBe("continue");
  rule.end(3, [100]);
  expect(rule.review(4, [100])).toBe("stop");
});
