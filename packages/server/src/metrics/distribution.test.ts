import { expect, test } from "vitest";
import { type Distribution, distributionOf, merge, percentile } from "./distribution.ts";

const each = (...values: number[]): Distribution => distributionOf(values.map((value) => [value, 1]));

test("values merge into exact totals, whatever the order", () => {
  const all = merge(merge(each(3, 1), each(-2)), each(1, 7));
  expect(all).toEqual(merge(each(7, 1), merge(each(-2), each(1, 3))));
  expect(all).toMatchObject({ count: 5, sum: 10, min: -2, max: 7 });
  expect([0, 20, 50, 80, 100].map((p) => percentile(all, p))).toEqual([-2, -2, 1, 3, 7]);
});

test("totals make the whole a total", () => {
  const totals = { count: 2, sum: 4, min: 1, max: 3 };
  expect(percentile(merge(each(2), totals), 50)).toBeUndefined();
});

test("a million different values keep a small spread and percentiles within 2 %", () => {
  let all = each(1);
  for (let part = 0; part < 100; part++) {
    all = merge(all, each(...Array.from({ length: 1000 }, (_, i) => part * 1000 + i + 1)));
  }
  expect(all.spread?.length).toBeLessThanOrEqual(256);
  expect(all).toMatchObject({ count: 100_001, min: 1, max: 100_000 });
  for (const p of [1, 25, 50, 90, 99.9]) {
    expect(Math.abs((percentile(all, p) as number) / (p * 1000) - 1)).toBeLessThan(0.05);
  }
});

test("values of many magnitudes and both signs still fit", () => {
  const values = Array.from({ length: 2000 }, (_, i) => (i % 2 ? 1 : -1) * 10 ** ((i - 1000) / 4));
  const { spread } = each(...values, 0);
  expect(spread?.length).toBeLessThanOrEqual(256);
  expect(spread?.map(([value]) => value)).toEqual([...(spread ?? [])].map(([value]) => value).sort((a, b) => a - b));
});
