import type { RandomStream } from "../random-stream.ts";
import type { Point, SearchSpace } from "../search-space.ts";
import { evenPoint, neighbour } from "./candidates.ts";

/** Where a search for the highest place may look. */
export interface Search {
  readonly space: SearchSpace;
  readonly random: RandomStream;
  /** Places worth looking around, best first. */
  readonly known: readonly Point[];
  /** How often the function may be asked. */
  readonly evaluations: number;
  /** Places that must not be chosen. */
  readonly isTaken: (point: Point) => boolean;
}

/** Places that the search goes on from. */
const starts = 5;

/**
 * How high the function is at a place. Where that is less than `floor`, anything less than `floor` may be said, which can cost less to
 * find out.
 */
export type Height = (point: Point, floor: number) => number;

/**
 * Finds a high place of a function over the space: looks everywhere and around what is known, then climbs from the best
 * places with steps that shrink where they fail and grow where they gain.
 * @returns `undefined` when every place that was looked at is taken.
 */
export function maximise(height: Height, search: Search): Point | undefined {
  const seeds = survey(height, search);
  const each = Math.floor(search.evaluations / 2 / Math.max(1, seeds.length));
  const tops = seeds.map((seed) => climb(height, seed, each, search));
  return tops.toSorted((a, b) => b.height - a.height)[0]?.point;
}

interface Place {
  readonly point: Point;
  readonly height: number;
}

function survey(height: Height, { space, random, known, evaluations, isTaken }: Search): Place[] {
  const shift = Float64Array.from({ length: space.dimensions }, () => random.uniform());
  const looks = Math.floor(evaluations / 2);
  /** The highest so far, at most as many as are wanted. */
  const places: Place[] = [];
  for (let k = 0; k < looks; k++) {
    const near = known[Math.floor(k / 2) % Math.max(1, known.length)];
    const isNear = near !== undefined && k % 2 === 1;
    const point = isNear
      ? neighbour(space, near, 10 ** (-2.5 + 2 * random.uniform()), random)
      : evenPoint(space, k, shift);
    if (isTaken(point)) continue;
    const floor = places[starts - 1]?.height ?? Number.NEGATIVE_INFINITY;
    places.push({ point, height: height(point, floor) });
    places.sort((a, b) => b.height - a.height);
    places.length = Math.min(places.length, starts);
  }
  return places;
}

function climb(height: Height, from: Place, looks: number, search: Search): Place {
  const { space, random, isTaken } = search;
  let top = from;
  let reach = 0.05;
  for (let look = 0; look < looks; look++) {
    const point = neighbour(space, top.point, reach, random);
    const place = isTaken(point) ? undefined : { point, height: height(point, top.height) };
    const isHigher = place !== undefined && place.height > top.height;
    if (isHigher) top = place;
    // One gain in five tries keeps the reach as it is (Rechenberg's rule).
    reach = Math.min(0.3, Math.max(1e-5, reach * (isHigher ? 1.5 : 0.9)));
  }
  return top;
}
