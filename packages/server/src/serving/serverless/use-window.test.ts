import { expect, test } from "vitest";
import { UseWindow } from "./use-window.ts";

test("as many environments are kept as there are requests, or were within the idle time", () => {
  const use = new UseWindow(100);
  expect([use.wanted(0), use.nextChange(0)]).toEqual([0, undefined]);
  for (let i = 0; i < 3; i++) use.begin();
  expect([use.wanted(0), use.nextChange(0)]).toEqual([3, undefined]);
  use.end(10);
  use.end(50);
  expect([use.wanted(60), use.nextChange(60)]).toEqual([3, 110]);
  expect([use.wanted(109), use.wanted(110)]).toEqual([3, 2]);
  expect(use.nextChange(110)).toBe(150);
  // One is under way for as long as it takes.
  expect([use.wanted(150), use.nextChange(150), use.wanted(9_999)]).toEqual([1, undefined, 1]);
  use.end(10_000);
  expect([use.wanted(10_099), use.wanted(10_100)]).toEqual([1, 0]);
});

test("environments that were there before count as used when they are seen", () => {
  const use = new UseWindow(100);
  use.keep(2, 1_000);
  expect([use.wanted(1_099), use.wanted(1_100)]).toEqual([2, 0]);
});
