import { expect, test } from "vitest";
import { rabitLinks } from "./rabit-links.ts";

test.for([1, 2, 3, 4, 5, 8, 13, 64])("%i hosts are one tree of at most three neighbours each", (count) => {
  const { neighbours, parents } = rabitLinks(count);
  expect(parents.filter((parent) => parent === -1)).toHaveLength(1);
  expect(parents[0]).toBe(-1);
  for (const [rank, of] of neighbours.entries()) {
    expect(of.length).toBeLessThanOrEqual(3);
    for (const other of of) expect(neighbours[other]).toContain(rank);
    // Every host leads to the first one.
    let at = rank;
    for (let steps = 0; at > 0 && steps < count; steps++) at = parents[at] as number;
    expect(at).toBe(0);
  }
});
