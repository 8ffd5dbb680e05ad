import { expect, test } from "vitest";
import { randomStream } from "../random-stream.ts";
import { Hyperband } from "./hyperband.ts";
import { MedianRule } from "./median-rule.ts";

const hyperband = (changes: object = {}) =>
  new Hyperband({ maximise: false, minResource: 1, maxResource: 27, ...changes });

test("the best third goes on from a rung, in whatever order trials come", () => {
  const rule = hyperband();
  const losses = [5, 4, 9, 1, 8, 7, 2, 6, 3];
  const decisions = losses.map((loss, k) => rule.review(k + 1, [loss]));
  // The best so far always goes on; from the sixth on, so does the second best, and from the ninth the third.
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
  expect([rule.review(1, [5]), rule.review(2, [6]), rule.review(3, [1]), rule.review(4, [9])]).toEqual([
    ...["continue", "continue", "stop", "continue"],
  ]);
});

test("a rung is decided once: looking again, with more known, changes nothing", () => {
  const rule = hyperband();
  expect(rule.review(1, [5])).toBe("continue");
  for (let trial = 2; trial <= 8; trial++) rule.review(trial, [trial / 10]);
  expect(rule.review(1, [5])).toBe("continue");
  expect(rule.review(1, [5, 5])).toBe("continue");
  expect(rule.review(1, [5, 5, 5])).toBe("continue");
});

test("what a trial reports after it was stopped counts at no later rung, and it stays stopped", () => {
  const rule = hyperband();
  rule.review(1, [1]);
  expect(rule.review(2, [9])).toBe("stop");
  expect(rule.review(2, [9, 9, 0])).toBe("stop");
  rule.end(2, [9, 9, 0]);
  expect(rule.review(1, [1, 1, 1])).toBe("continue");
  rule.end(1, [1, 1, 1]);
  // The second would be better than this at the second rung, had it been let there.
  expect(rule.review(3, [0.5, 0.5, 0.5])).toBe("continue");
});

test("a trial that ended between two looks counts as far as it would have been let", () => {
  const rule = hyperband();
  rule.end(1, [1, 1, 1]);
  rule.end(2, [9, 9, 0]);
  expect(rule.review(3, [0.5, 0.5, 0.5])).toBe("continue");
});

test("no trial is stopped before the least resource, and every one at the greatest", () => {
  const rule = hyperband({ minResource: 4, maxResource: 8 });
  const trials = [1, 2, 3, 4, 5, 6];
  for (const trial of trials) expect(rule.review(trial, [trial, trial, trial])).toBe("continue");
  expect(trials.map((trial) => rule.review(trial, [trial, trial, trial, trial])).slice(1)).toEqual(
    Array(5).fill("stop"),
  );
  expect(rule.review(1, Array(7).fill(1))).toBe("continue");
  expect(rule.review(1, Array(8).fill(1))).toBe("stop");
});

test("a trial that was known before a restart is not judged again by what it had reported", () => {
  const rule = hyperband();
  rule.end(1, [1]);
  rule.end(2, [2]);
  rule.restore(3, [9]);
  expect(rule.review(3, [9])).toBe("continue");
  expect(rule.review(3, [9, 9, 9])).toBe("continue");
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
