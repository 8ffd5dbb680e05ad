import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { KernelPool, type PoolExports } from "../numerics/kernel-pool.ts";
import { randomStream } from "../numerics/random.ts";
import type { Forest } from "./forest.ts";
import { node } from "./kernels/layout.ts";
import { PlainForest } from "./plain-forest.ts";
import { WasmForest } from "./wasm-forest.ts";

// One pool for all runs: its memory is given out, never taken back, and the sizes are small.
let pools: KernelPool<PoolExports>[];
beforeAll(async () => {
  const opened = await Promise.all(
    [1, 3].map((threads) => KernelPool.open<PoolExports>("randomcutforest.wasm", threads)),
  );
  pools = opened.filter((pool) => pool !== undefined);
  if (pools.length !== 2) throw new Error("randomcutforest.wasm is not built: run `npm run setup`");
  return async () => {
    await Promise.all(pools.map((pool) => pool.close()));
  };
});

interface Sizes {
  readonly trees: number;
  readonly samples: number;
  readonly width: number;
  readonly seed: number;
  /** Different values that a column has; few of them make points that are the same. */
  readonly values: number;
}

const sizes = fc.record({
  trees: fc.integer({ min: 1, max: 7 }),
  samples: fc.integer({ min: 1, max: 60 }),
  width: fc.integer({ min: 1, max: 21 }),
  seed: fc.integer(),
  values: fc.constantFrom(1, 2, 10, 1000),
});

const queries = 70;

/** Grows a forest over random points and scores half of those and as many others. */
function run(forest: Forest, { trees: count, samples, width, seed, values }: Sizes) {
  const random = randomStream(seed);
  const draw = () => Math.floor(random.uniform() * values) / 7 - 3;
  const points = forest.points(count * samples);
  const fill = (target: Float32Array, rows: number) => {
    for (let i = 0; i < rows; i++) for (let j = 0; j < width; j++) target[i * forest.stride + j] = draw();
  };
  fill(points, count * samples);
  const trees = forest.plant({ trees: count, samples });
  for (let i = 0; i < trees.order.length; i++) trees.order[i] = i;
  forest.grow(Float64Array.from({ length: 2 * count * (samples - 1) }, () => random.uniform()));
  const area = forest.area(queries);
  fill(area.values, queries);
  for (let i = 0; i < queries / 2; i++) {
    const from = (i % (count * samples)) * forest.stride;
    area.values.set(points.subarray(from, from + forest.stride), i * forest.stride);
  }
  forest.score(area, queries);
  const scores = [...area.scores];
  forest.measure();
  forest.score(area, queries);
  return {
    trees,
    points,
    order: [...trees.order],
    nodes: [...trees.nodes],
    counts: [...trees.counts],
    scores,
    again: [...area.scores],
  };
}

const wasm = (width: number, pool = 0) => new WasmForest(pools[pool] as KernelPool<PoolExports>, width);

describe("the kernel", () => {
  test("grows the trees of its twin, and scores as it does", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const ours = run(wasm(size.width), size);
        const twin = run(new PlainForest(size.width), size);
        expect({ order: ours.order, nodes: ours.nodes, counts: ours.counts }).toEqual({
          order: twin.order,
          nodes: twin.nodes,
          counts: twin.counts,
        });
        ours.scores.forEach((score, i) => expect(score).toBeCloseTo(twin.scores[i] as number, 5));
        expect(ours.again).toEqual(ours.scores);
        expect(twin.again).toEqual(twin.scores);
      }),
      { numRuns: 60 },
    );
  });

  test("gives the same bits on several threads", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const [one, three] = [run(wasm(size.width, 0), size), run(wasm(size.width, 1), size)];
        expect({ nodes: three.nodes, scores: three.scores }).toEqual({ nodes: one.nodes, scores: one.scores });
      }),
      { numRuns: 30 },
    );
  });
});

test("every point is below the leaf that its cuts lead to", () => {
  const size = { trees: 3, samples: 50, width: 3, seed: 5, values: 4 };
  const { trees, points } = run(wasm(3), size);
  for (let t = 0; t < size.trees; t++) {
    const first = t * (2 * size.samples - 1);
    for (let place = 0; place < size.samples; place++) {
      const at = (trees.order[t * size.samples + place] as number) * 4;
      let n = first;
      for (;;) {
        const [dimension = 0, , right = 0] = trees.nodes.subarray(n * node.size, n * node.size + 3);
        if (dimension < 0) break;
        n =
          (points[at + dimension] as number) <= (trees.cuts[n * node.size + node.cut] as number)
            ? n + 1
            : first + right;
      }
      const [mass = 0, begin = 0] = trees.nodes.subarray(n * node.size + node.mass, n * node.size + node.place + 1);
      expect(place).toBeGreaterThanOrEqual(begin);
      expect(place).toBeLessThan(begin + mass);
    }
  }
});

describe("scores worked out by hand", () => {
  /** One tree over 0, 0, 0 and 4, cut at 1. */
  const forest = wasmless();
  const scoreOf = (value: number) => {
    const area = forest.area(1);
    area.values[0] = value;
    forest.score(area, 1);
    return area.scores[0] as number;
  };
  const scale = Math.log2(5);

  test.for<[string, number, number]>([
    // Of a leaf with three of four points at depth 1, damped by 1 - 3 / 8.
    ["a point that there are three of", 0, (1 - 3 / 8) / (1 + Math.log2(4))],
    ["a point that there is one of", 4, (1 - 1 / 8) / (1 + 1)],
    // Inside the box, so that only its leaf is another one.
    ["a value between two points", 2, 1 / 2],
    // A cut between 4 and 8 comes first half of the time.
    ["a value as far outside as the box is wide", 8, 0.5 * 1 + 0.5 * (1 / 2)],
  ])("%s", ([, value, wanted]) => {
    expect(scoreOf(value)).toBeCloseTo(wanted * scale, 6);
  });

  function wasmless(): Forest {
    const forest = new PlainForest(1);
    const points = forest.points(4);
    points[3 * forest.stride] = 4;
    const trees = forest.plant({ trees: 1, samples: 4 });
    trees.order.set([0, 1, 2, 3]);
    forest.grow(Float64Array.from([0.5, 0.25, 0.5, 0.5, 0.5, 0.5]));
    return forest;
  }
});

test("a cut falls on a side in proportion to its length, and anywhere on it", () => {
  const forest = wasm(2);
  const trees = 20_000;
  const points = forest.points(2);
  points.set([0, 0, 0, 0, 1, 3, 0, 0]);
  const planted = forest.plant({ trees, samples: 2 });
  for (let i = 0; i < planted.order.length; i++) planted.order[i] = i % 2;
  const random = randomStream(8);
  forest.grow(Float64Array.from({ length: 2 * trees }, () => random.uniform()));
  const cuts = Array.from({ length: trees }, (_, t) => ({
    dimension: planted.nodes[t * 3 * node.size] as number,
    cut: planted.cuts[t * 3 * node.size + node.cut] as number,
  }));
  const long = cuts.filter(({ dimension }) => dimension === 1);
  // Four standard errors of a share of 3/4, and of the mean of a uniform number up to 3.
  expect(Math.abs(long.length / trees - 0.75)).toBeLessThan(4 * Math.sqrt((0.75 * 0.25) / trees));
  const mean = long.reduce((sum, { cut }) => sum + cut, 0) / long.length;
  expect(Math.abs(mean - 1.5)).toBeLessThan(4 * (3 / Math.sqrt(12 * long.length)));
  expect(long.every(({ cut }) => cut >= 0 && cut < 3)).toBe(true);
});

test("rows far outside, and of no number, have scores that say so", () => {
  const size = { trees: 4, samples: 30, width: 5, seed: 9, values: 1000 };
  for (const forest of [wasm(5), new PlainForest(5)]) {
    run(forest, size);
    const area = forest.area(3);
    area.values.fill(3e38, 0, 5);
    area.values.fill(-3e38, forest.stride, forest.stride + 5);
    area.values.fill(Number.NaN, 2 * forest.stride, 2 * forest.stride + 5);
    forest.score(area, 3);
    const [high, low, none] = area.scores;
    expect(high).toBeCloseTo(Math.log2(31), 5); // certain to be cut off at the root
    expect(low).toBeCloseTo(Math.log2(31), 5);
    expect(none).toBeNaN();
  }
});
