import { expect, test } from "vitest";
import { auc, aucDifference } from "./auc.ts";
import reference from "./fixtures/reference.json" with { type: "json" };
import { holm } from "./holm.ts";
import { meanDifference, meanInterval, pairedDifference, sampleOfValues } from "./means.ts";
import { fisherExact, mcnemarExact, type Share, shareDifference, shareInterval } from "./proportions.ts";
import { normalCritical, normalTwoSided, studentTwoSided } from "./special-functions.ts";

/** Relative, for p-values that may be tiny. */
function near(value: number, expected: number, tolerance = 1e-9): void {
  const error = Math.abs(value - expected) / Math.max(Math.abs(expected), 1e-300);
  expect(error, `${value} instead of ${expected}`).toBeLessThan(tolerance);
}

const shareOf = ([count, of]: number[]): Share => ({ count: count as number, of: of as number });

test("tails of the normal and of Student's distribution are SciPy's", () => {
  for (const { z, p } of reference.normal) near(normalTwoSided(z), p, 1e-10);
  for (const { t, degrees, p } of reference.student) near(studentTwoSided(t, degrees), p, 1e-8);
  expect(normalCritical(0.95)).toBeCloseTo(1.959963984540054, 12);
});

test("intervals of shares are statsmodels' Wilson intervals, also at 0 and 1", () => {
  for (const { count, of, interval } of reference.wilson) {
    const { low, high } = shareInterval({ count, of });
    expect(low).toBeCloseTo(interval[0] as number, 12);
    expect(high).toBeCloseTo(interval[1] as number, 12);
  }
  expect(shareInterval({ count: 0, of: 0 })).toMatchObject({ low: 0, high: 1 });
});

test("differences of shares are statsmodels': Newcombe's interval and the z test", () => {
  for (const each of reference.newcombe) {
    const { low, high, p, test: name } = shareDifference(shareOf(each.a), shareOf(each.b));
    expect(low).toBeCloseTo(each.low, 10);
    expect(high).toBeCloseTo(each.high, 10);
    near(p, each.p);
    expect(name).toBe("z test of two proportions");
  }
});

test("small counts are tested exactly, as SciPy does it", () => {
  for (const each of reference.fisher) near(fisherExact(shareOf(each.a), shareOf(each.b)), each.p, 1e-8);
  expect(shareDifference({ count: 0, of: 50 }, { count: 4, of: 50 }).test).toBe("Fisher's exact test");
  for (const { first, second, p } of reference.mcnemar) near(mcnemarExact(first, second), p, 1e-8);
  expect(mcnemarExact(0, 0)).toBe(1);
});

test("means and their differences are SciPy's and statsmodels'", () => {
  for (const each of reference.welch) {
    const [a, b] = [sampleOfValues(each.a), sampleOfValues(each.b)];
    const found = meanDifference(a, b);
    near(found.p, each.p, 1e-8);
    near(found.low, each.low, 1e-8);
    near(found.high, each.high, 1e-8);
    near(meanInterval(a).low, each.mean[0] as number, 1e-8);
    near(meanInterval(a).high, each.mean[1] as number, 1e-8);
  }
  const paired = pairedDifference(sampleOfValues(reference.paired.differences));
  near(paired.p, reference.paired.p, 1e-8);
  near(paired.low, reference.paired.low, 1e-8);
  near(paired.high, reference.paired.high, 1e-8);
  expect(meanDifference(sampleOfValues([1]), sampleOfValues([2, 3])).p).toBe(1);
});

test("areas under curves and their variances are what the definition gives, ties and all", () => {
  const areas = reference.auc.map(({ positives, negatives, value, variance }) => {
    const found = auc(positives, negatives);
    near(found?.value as number, value, 1e-12);
    near(found?.variance as number, variance, 1e-10);
    return { value, variance };
  });
  const [a, b] = areas as [(typeof areas)[number], (typeof areas)[number]];
  expect(aucDifference(a, b).value).toBeCloseTo(b.value - a.value, 12);
  expect(aucDifference(a, a).p).toBe(1);
  expect(auc([1], [0, 0])).toBeUndefined();
});

test("several tests of one question are adjusted as statsmodels adjusts them", () => {
  const { values, adjusted } = reference.holm;
  for (const [at, value] of holm(values).entries()) near(value, adjusted[at] as number, 1e-12);
});
