import { expect, test } from "vitest";
import { epochOrder } from "./epoch-order.ts";

const whole = { index: 0, count: 1 };

test("without a seed units keep their order, and shares take turns", () => {
  expect([...epochOrder(5, whole)]).toEqual([0, 1, 2, 3, 4]);
  expect([...epochOrder(5, { index: 1, count: 2 })]).toEqual([1, 3]);
  expect([...epochOrder(1, { index: 1, count: 2 })]).toEqual([]);
});

test("a seed fixes every epoch's order, and epochs differ", () => {
  const order = (seed: number, epoch: number) => epochOrder(50, whole, { seed, epoch }).join(" ");
  expect(order(7, 0)).toBe(order(7, 0));
  const orders = [order(7, 0), order(7, 1), order(8, 0), order(-7, 0), order(2 ** 53 - 1, 0)];
  expect(new Set(orders).size).toBe(orders.length);
});

test("hosts share every epoch's units without a gap, and other ones each time", () => {
  const shares = [0, 1].map((epoch) =>
    [0, 1, 2].map((index) => [...epochOrder(10, { index, count: 3 }, { seed: 1, epoch })].sort((a, b) => a - b)),
  );
  for (const epoch of shares) expect(epoch.flat().sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(shares[0]).not.toEqual(shares[1]);
});

test("every place is as likely for a unit", () => {
  const first = Array.from({ length: 4000 }, (_, epoch) => epochOrder(4, whole, { seed: 3, epoch })[0]);
  for (const unit of [0, 1, 2, 3]) {
    // Six standard deviations of a binomial with n = 4000 and p = 1/4.
    expect(Math.abs(first.filter((each) => each === unit).length - 1000)).toBeLessThan(165);
  }
});
