import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { KernelPool, type PoolExports } from "../numerics/kernel-pool.ts";
import { randomStream } from "../numerics/random.ts";
import { type Assigner, type AssignerSize, clearSums, type RowArea } from "./assigner.ts";
import { PlainAssigner } from "./plain-assigner.ts";
import { WasmAssigner } from "./wasm-assigner.ts";

// One pool for all runs: its memory is given out, never taken back, and the sizes are small.
let pools: KernelPool<PoolExports>[];
beforeAll(async () => {
  const opened = await Promise.all([1, 3].map((threads) => KernelPool.open<PoolExports>("kmeans.wasm", threads)));
  pools = opened.filter((pool) => pool !== undefined);
  if (pools.length !== 2) throw new Error("kmeans.wasm is not built: run `npm run setup`");
  return async () => {
    await Promise.all(pools.map((pool) => pool.close()));
  };
});

interface Sizes {
  readonly rows: number;
  readonly width: number;
  readonly centres: number;
  readonly seed: number;
}

const sizes = fc.record({
  rows: fc.integer({ min: 0, max: 200 }),
  width: fc.integer({ min: 1, max: 41 }),
  centres: fc.integer({ min: 1, max: 40 }),
  seed: fc.integer(),
});

function run(assigner: Assigner, { rows, width, centres, seed }: Sizes, change?: (area: RowArea) => void) {
  const stream = randomStream(seed);
  const draw = () => 3 * stream.normal();
  assigner.use(Float64Array.from({ length: centres * width }, draw), centres);
  const area = assigner.area(rows);
  for (let i = 0; i < rows; i++) for (let j = 0; j < width; j++) area.values[i * assigner.stride + j] = draw();
  change?.(area);
  clearSums(assigner.sums);
  assigner.assignAndSum(area, rows);
  const { sums, counts, costs } = assigner.sums;
  return {
    labels: [...area.labels],
    distances: [...area.distances],
    sums: [...sums],
    counts: [...counts],
    costs: [...costs],
  };
}

const wasm = (size: AssignerSize, pool = 0) => new WasmAssigner(pools[pool] as KernelPool<PoolExports>, size);

describe("the kernel agrees with its twin", () => {
  test("on random rows", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const ours = run(wasm(size), size);
        const twin = run(new PlainAssigner(size), size);
        ours.distances.forEach((distance, i) => {
          // Sums of 41 squares in single precision; where two centres are as near as that, either may be chosen.
          expect(Math.abs(distance - (twin.distances[i] as number))).toBeLessThan(2e-5 * (1 + distance));
        });
        if (ours.labels.some((label, i) => label !== twin.labels[i])) return;
        expect(ours.counts).toEqual(twin.counts);
        expect(ours.sums).toEqual(twin.sums);
      }),
      { numRuns: 200 },
    );
  });

  test("any number of threads gives the same bits", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        expect(run(wasm(size, 1), size)).toEqual(run(wasm(size), size));
      }),
      { numRuns: 60 },
    );
  });

  test.for([Number.NaN, Number.POSITIVE_INFINITY])("%f in a row shows in its distance and nowhere else", (value) => {
    const size = { rows: 70, width: 5, centres: 9, seed: 4 };
    const clean = run(wasm(size), size).distances;
    for (const assigner of [wasm(size), new PlainAssigner(size)]) {
      const { distances } = run(assigner, size, (area) => {
        area.values[66 * assigner.stride + 3] = value;
      });
      expect(Number.isFinite(distances[66])).toBe(false);
      distances.forEach((distance, i) => {
        if (i !== 66) expect(distance).toBeCloseTo(clean[i] as number, 3);
      });
    }
  });

  test("of equal centres the first is chosen", () => {
    for (const assigner of [wasm({ width: 3, centres: 19 }), new PlainAssigner({ width: 3, centres: 19 })]) {
      assigner.use(new Float64Array(19 * 3).fill(2), 19);
      const area = assigner.area(5);
      assigner.assign(area, 5);
      expect([...area.labels]).toEqual([0, 0, 0, 0, 0]);
    }
  });
});
