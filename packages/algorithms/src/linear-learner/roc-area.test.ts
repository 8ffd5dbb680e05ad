import { expect, test } from "vitest";
import { randomStream } from "../numerics/random.ts";
import { RocArea } from "./roc-area.ts";

const stream = randomStream(4);
const labels = Float32Array.from({ length: 5000 }, () => Number(stream.uniform() > 0.3));
const scores = labels.map((label) => label + stream.normal());

function areaOf(most: number, of = scores): number {
  const area = new RocArea(most);
  of.forEach((score, i) => area.add(score, labels[i] === 1));
  return area.area();
}

test("is the share of pairs in which the positive row scores higher", () => {
  let wins = 0;
  let pairs = 0;
  labels.forEach((label, p) => {
    if (label !== 1) return;
    labels.forEach((other, n) => {
      if (other === 1) return;
      pairs++;
      wins += (scores[p] as number) > (scores[n] as number) ? 1 : scores[p] === scores[n] ? 0.5 : 0;
    });
  });
  expect(areaOf(Infinity)).toBeCloseTo(wins / pairs, 12);
});

test("of more rows than are kept is within 1e-5 of that", () => {
  expect(areaOf(1000)).not.toBe(areaOf(Infinity));
  expect(Math.abs(areaOf(1000) - areaOf(Infinity))).toBeLessThan(1e-5);
});

test.for([Infinity, 100])("ties count half, zeros of both signs among them (exact up to %d rows)", (most) => {
  expect(
    areaOf(
      most,
      scores.map((_, i) => (i % 2 === 0 ? 0 : -0)),
    ),
  ).toBe(0.5);
  // Whole numbers keep all of their digits in the ranges.
  const whole = scores.map(Math.round);
  expect(areaOf(most, whole)).toBeCloseTo(areaOf(Infinity, whole), 12);
});

test("of one class alone is not a number", () => {
  const area = new RocArea();
  area.add(1, true);
  expect(area.area()).toBeNaN();
});
