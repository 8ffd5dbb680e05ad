const ratio = (Math.sqrt(5) - 1) / 2;
const farthest = 10_000;

/**
 * The place of the minimum of a function with one valley, by golden sections. The interval moves on, and grows, while the
 * minimum lies at its end. The function may be infinite far from 1.
 * @returns A place within some 1e-8: nearer, values differ by less than rounding.
 * @see Kiefer (1953), Sequential minimax search for a maximum, Proc. AMS 4(3).
 */
export function minimize(f: (x: number) => number, low: number, high: number): number {
  let [from, to] = [low, high];
  for (;;) {
    const found = within(f, from, to);
    const margin = 1e-3 * (to - from);
    if (found - from < margin && from > -farthest) [from, to] = [from - 2 * (to - from), from + 2 * margin];
    else if (to - found < margin && to < farthest) [from, to] = [to - 2 * margin, to + 2 * (to - from)];
    else return found;
  }
}

function within(f: (x: number) => number, low: number, high: number): number {
  let [a, b] = [low, high];
  let [c, d] = [b - ratio * (b - a), a + ratio * (b - a)];
  let [atC, atD] = [f(c), f(d)];
  while (b - a > 1e-9 * Math.max(1, Math.abs(a))) {
    const isLeft = atC === atD && atC === Infinity ? d > 1 : atC < atD;
    if (isLeft) {
      [b, d, atD] = [d, c, atC];
      c = b - ratio * (b - a);
      atC = f(c);
    } else {
      [a, c, atC] = [c, d, atD];
      d = a + ratio * (b - a);
      atD = f(d);
    }
  }
  return (a + b) / 2;
}
