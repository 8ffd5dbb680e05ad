import { describe, expect, test } from "vitest";
import { randomStream } from "../numerics/random.ts";
import { denseOf } from "../testkit/row-files.ts";
import { sparseTable } from "../testkit/tables.ts";
import { Reservoir } from "./reservoir.ts";

const rowsOf = (from: number, to: number) =>
  denseOf({ features: Array.from({ length: to - from }, (_, i) => [from + i]) });

function sampled(points: Float32Array, count: number): number[] {
  return Array.from({ length: count }, (_, i) => points[i * 4] as number);
}

describe("a reservoir", () => {
  test("keeps all rows as long as they fit", () => {
    const points = new Float32Array(8 * 4);
    const reservoir = new Reservoir(points, 4, randomStream(1));
    reservoir.add(rowsOf(0, 3));
    reservoir.add(rowsOf(3, 8));
    expect(reservoir).toMatchObject({ seen: 8, count: 8 });
    expect(sampled(points, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("gives each row the same chance, and none twice", () => {
    const [rows, kept, times] = [60, 10, 6000];
    const counts = new Float64Array(rows);
    for (let seed = 0; seed < times; seed++) {
      const points = new Float32Array(kept * 4);
      const reservoir = new Reservoir(points, 4, randomStream(seed));
      // Blocks of any size, one of them across the point where the sample is full.
      for (const [from, to] of [
        [0, 4],
        [4, 17],
        [17, 18],
        [18, 60],
      ] as const)
        reservoir.add(rowsOf(from, to));
      const found = sampled(points, kept);
      expect(new Set(found).size).toBe(kept);
      for (const row of found) counts[row] = (counts[row] as number) + 1;
    }
    const expected = (times * kept) / rows;
    const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / (expected * (1 - kept / rows)), 0);
    // Chi-squared with 59 degrees of freedom is above 107 once in 10,000 times.
    expect(chi).toBeLessThan(107);
  });

  test("does not depend on the blocks that rows come in", () => {
    const [one, many] = [new Float32Array(5 * 4), new Float32Array(5 * 4)];
    new Reservoir(one, 4, randomStream(3)).add(rowsOf(0, 500));
    const other = new Reservoir(many, 4, randomStream(3));
    for (let at = 0; at < 500; at += 7) other.add(rowsOf(at, Math.min(500, at + 7)));
    expect(many).toEqual(one);
  });

  test("fills sparse rows up with zeros, also where another row was", () => {
    const x = Array.from({ length: 40 }, (_, i) => [i % 3 === 0 ? 0 : i, i % 2, 0]);
    const [dense, sparse] = [new Float32Array(6 * 4), new Float32Array(6 * 4)];
    new Reservoir(dense, 4, randomStream(5)).add(denseOf({ features: x }));
    new Reservoir(sparse, 4, randomStream(5)).add(
      sparseTable(
        x,
        x.map(() => 0),
      ).features,
    );
    expect(sparse).toEqual(dense);
  });
});
