import type { RandomStream } from "../random-stream.ts";
import type { Point, SearchSpace } from "../search-space.ts";

/**
 * The k-th point of a sequence that fills the space evenly: multiples of powers of the generalised golden ratio, shifted at
 * random (Roberts 2018, The unreasonable effectiveness of quasirandom sequences).
 * @param shift - One number in [0, 1) for each parameter.
 */
export function evenPoint(space: SearchSpace, k: number, shift: Float64Array): Point {
  const d = space.dimensions;
  const ratio = goldenRatio(d);
  return space.fromUnit(shift.map((start, index) => (start + k * ratio ** -(index + 1)) % 1));
}

/** The positive root of x^(d+1) = x + 1. */
function goldenRatio(d: number): number {
  const known = ratios.get(d);
  if (known !== undefined) return known;
  let x = 1.5;
  for (let step = 0; step < 40; step++) x = (1 + x) ** (1 / (d + 1));
  ratios.set(d, x);
  return x;
}

const ratios = new Map<number, number>();

/**
 * A point near another: some parameters moved, at least one of them.
 * @param reach - Standard deviation of numeric moves, as a share of the range.
 */
export function neighbour(space: SearchSpace, from: Point, reach: number, { uniform, normal }: RandomStream): Point {
  const d = space.dimensions;
  const moved = Math.floor(uniform() * d);
  const share = Math.min(1, 2 / d + 0.2);
  const point = Float64Array.from(from);
  for (let index = 0; index < d; index++) {
    if (index !== moved && uniform() > share) continue;
    point[index] = move(space, index, from[index] as number, reach, { uniform, normal });
  }
  return point;
}

function move(space: SearchSpace, index: number, at: number, reach: number, { uniform, normal }: RandomStream): number {
  if (space.isCategorical(index)) return Math.floor(uniform() * space.choices(index));
  const step = reach * normal();
  const there = space.snap(index, at + step);
  if (there !== at) return there;
  // A small step of an integer would end where it began: go to the next one instead.
  return nextInteger(space, index, at, Math.sign(step));
}

function nextInteger(space: SearchSpace, index: number, at: number, direction: number): number {
  for (let step = 1e-3; step <= 1; step *= 1.5) {
    const there = space.snap(index, at + direction * step);
    if (there !== at) return there;
  }
  return at;
}
