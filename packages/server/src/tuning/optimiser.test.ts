import { expect, test } from "vitest";
import { Optimiser, type OptimiserOptions } from "./optimiser.ts";
import type { Parameter, Values } from "./search-space.ts";

const x = (name: string, min = 0, max = 1): Parameter => ({ name, kind: "continuous", min, max, scaling: "Linear" });
const words = (name: string, ...values: string[]): Parameter => ({ name, kind: "categorical", values });

/** Runs trials of a function one after the other. @returns The best objective and all that was tried. */
function run(options: OptimiserOptions, objective: (values: Values) => number, trials: number) {
  const optimiser = new Optimiser(options);
  const tried: Values[] = [];
  let best = Number.POSITIVE_INFINITY;
  for (let k = 0; k < trials; k++) {
    const suggestion = optimiser.ask();
    if (!suggestion) break;
    const value = objective(suggestion.values);
    tried.push(suggestion.values);
    optimiser.tell(suggestion.trial, options.maximise ? -value : value);
    best = Math.min(best, value);
  }
  return { best, tried };
}

const bowl = (values: Values) => (Number(values["a"]) - 0.3) ** 2 + 4 * (Number(values["b"]) - 0.8) ** 2;
const bowlOptions = { parameters: [x("a"), x("b")], maximise: false, seed: 7 } as const;

test("a grid has every combination once, and then nothing", () => {
  const { tried } = run(
    { ...bowlOptions, strategy: "Grid", parameters: [words("a", "1", "2"), words("b", "x", "y", "z")] },
    () => 0,
    10,
  );
  expect(tried.map(({ a, b }) => `${a}${b}`)).toEqual(["1x", "1y", "1z", "2x", "2y", "2z"]);
});

test.for(["Random", "Hyperband", "Bayesian"] as const)(
  "%s: equal seeds give equal trials, others others",
  (strategy) => {
    const [one, same, other] = [7, 7, 8].map((seed) => run({ ...bowlOptions, strategy, seed }, bowl, 12).tried);
    expect(one).toEqual(same);
    expect(one).not.toEqual(other);
  },
);

test("random trials are the same however many run at once", () => {
  const options = { ...bowlOptions, strategy: "Random" } as const;
  const { tried } = run(options, bowl, 6);
  const optimiser = new Optimiser(options);
  expect(Array.from({ length: 6 }, () => optimiser.ask()?.values)).toEqual(tried);
});

test.for([false, true])("Bayesian search finds the bottom of a bowl (turned over: %s)", (maximise) => {
  expect(run({ ...bowlOptions, strategy: "Bayesian", maximise }, bowl, 25).best).toBeLessThan(1e-3);
});

test("Bayesian search learns which word and which integer are good, without repeating any", () => {
  const parameters: Parameter[] = [
    words("w", "bad", "good", "worse", "worst"),
    { name: "n", kind: "integer", min: 1, max: 12, scaling: "Linear" },
  ];
  const losses: Record<string, number> = { good: 0, bad: 3, worse: 5, worst: 9 };
  const { best, tried } = run(
    { ...bowlOptions, strategy: "Bayesian", parameters },
    ({ w = "", n }) => (losses[w] as number) + Math.abs(Number(n) - 9),
    24,
  );
  expect(best).toBe(0);
  expect(new Set(tried.map(({ w, n }) => `${w}${n}`)).size).toBe(24);
});

test("trials that run side by side spread out", () => {
  const optimiser = new Optimiser({ ...bowlOptions, strategy: "Bayesian" });
  for (let k = 0; k < 10; k++) {
    const { trial, values } = optimiser.ask() ?? { trial: 0, values: {} };
    optimiser.tell(trial, bowl(values) + Math.sin(20 * Number(values["a"])) * Math.cos(17 * Number(values["b"])));
  }
  const together = Array.from({ length: 5 }, () => optimiser.ask()?.values as Values);
  const gaps = together.flatMap((one, index) =>
    together
      .slice(0, index)
      .map((other) => Math.hypot(Number(one["a"]) - Number(other["a"]), Number(one["b"]) - Number(other["b"]))),
  );
  expect(Math.min(...gaps)).toBeGreaterThan(0.02);
});

test("trials without an objective, with NaN or an infinite one count for nothing and block nothing", () => {
  const outcomes = [undefined, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const optimiser = new Optimiser({ ...bowlOptions, strategy: "Bayesian" });
  let best = Number.POSITIVE_INFINITY;
  for (let k = 0; k < 30; k++) {
    const { trial, values } = optimiser.ask() ?? { trial: 0, values: {} };
    const value = k % 3 === 2 ? outcomes[k % 4] : bowl(values);
    if (value !== undefined && Number.isFinite(value)) best = Math.min(best, value);
    optimiser.tell(trial, value);
  }
  expect(best).toBeLessThan(0.01);
});

test("trials that went astray do not hide what the others differ in", () => {
  const astray = (values: Values) => (Number(values["a"]) > 0.7 ? 1e30 : bowl(values));
  expect(run({ ...bowlOptions, strategy: "Bayesian" }, astray, 25).best).toBeLessThan(1e-3);
});

test("equal objectives everywhere do no harm", () => {
  expect(run({ ...bowlOptions, strategy: "Bayesian" }, () => 1, 15).tried).toHaveLength(15);
});

test("an optimiser that takes up trials goes on as the first would have", () => {
  const options = { ...bowlOptions, strategy: "Random" } as const;
  const first = new Optimiser(options);
  const begun = [first.ask(), first.ask(), first.ask()];
  const second = new Optimiser(options);
  for (const each of begun) if (each) second.resume(each.trial, each.values);
  expect(second.ask()).toEqual(first.ask());
});

test("what an earlier search found makes the first trials good", () => {
  const earlier = run({ ...bowlOptions, strategy: "Bayesian", seed: 1 }, bowl, 15).tried;
  const prior = earlier.map((values) => ({ values, objective: bowl(values) }));
  expect(run({ ...bowlOptions, strategy: "Bayesian", prior }, bowl, 4).best).toBeLessThan(0.01);
  // Of other data: a thousand times larger and far away, but low where this one is low.
  const foreign = earlier.map((values) => ({ values, objective: 5e6 + 1000 * bowl(values), source: "other" }));
  expect(run({ ...bowlOptions, strategy: "Bayesian", prior: foreign }, bowl, 6).best).toBeLessThan(0.05);
});

test("a space without parameters has one trial, again and again", () => {
  expect(run({ ...bowlOptions, strategy: "Bayesian", parameters: [] }, () => 1, 8).tried).toEqual(Array(8).fill({}));
});
