import { expect, test } from "vitest";
import { randomStream } from "../numerics/random.ts";
import { areaUnderCurve } from "./auc.ts";

test("is the share of pairs in the right order, a tie being half", () => {
  const random = randomStream(2);
  for (let round = 0; round < 50; round++) {
    const draw = (count: number) => Float32Array.from({ length: count }, () => Math.floor(random.uniform() * 8));
    const [positives, negatives] = [draw(1 + (round % 7)), draw(1 + (round % 11))];
    let wins = 0;
    for (const p of positives) for (const n of negatives) wins += p > n ? 1 : p === n ? 0.5 : 0;
    expect(areaUnderCurve(positives, negatives)).toBeCloseTo(wins / (positives.length * negatives.length), 12);
  }
});
