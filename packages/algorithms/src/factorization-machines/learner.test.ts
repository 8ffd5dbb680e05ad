import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { KernelPool, type PoolExports } from "../numerics/kernel-pool.ts";
import { randomStream } from "../numerics/random.ts";
import { fitsKernel, type Learner, type LearnerPlan, type Parameters } from "./learner.ts";
import { PlainLearner } from "./plain-learner.ts";
import { WasmLearner } from "./wasm-learner.ts";

// One pool for all runs: its memory is given out, never taken back, and the sizes are small.
let pools: KernelPool<PoolExports>[];
beforeAll(async () => {
  const kernel = "factorization-machines.wasm";
  const opened = await Promise.all([1, 3].map((threads) => KernelPool.open<PoolExports>(kernel, threads)));
  pools = opened.filter((pool) => pool !== undefined);
  if (pools.length !== 2) throw new Error(`${kernel} is not built: run \`npm run setup\``);
  return async () => {
    await Promise.all(pools.map((pool) => pool.close()));
  };
});

interface Sizes {
  readonly rows: number;
  readonly width: number;
  readonly factors: number;
  readonly loss: LearnerPlan["loss"];
  /** Share of values that are not zero. */
  readonly density: number;
  readonly clip: number;
  readonly scale: number | undefined;
  readonly seed: number;
}

const sizes: fc.Arbitrary<Sizes> = fc.record({
  rows: fc.integer({ min: 1, max: 60 }),
  width: fc.integer({ min: 1, max: 50 }),
  factors: fc.integer({ min: 1, max: 40 }),
  loss: fc.constantFrom("squared", "logistic"),
  density: fc.double({ min: 0, max: 1, noNaN: true }),
  clip: fc.constantFrom(Number.POSITIVE_INFINITY, 0.05),
  scale: fc.constantFrom(undefined, 0.5),
  seed: fc.integer(),
});

function planOf({ width, factors, loss, clip, scale }: Sizes): LearnerPlan {
  return {
    width,
    factors,
    loss,
    clip,
    scale,
    bias: { rate: 0.1, decay: 0.01 },
    linear: { rate: 0.02, decay: 0.003 },
    pairs: { rate: 0.01, decay: 0.0002 },
    // So large that a gradient near 0, whose sign is rounding, makes no step of full length.
    epsilon: 0.01,
  };
}

/** Trains on three mini-batches, each larger than the one before. */
function run(make: (plan: LearnerPlan, start: Parameters) => Learner, size: Sizes) {
  const { rows, width, factors, loss, density, seed } = size;
  const random = randomStream(seed);
  const draws = (length: number) => Float32Array.from({ length }, () => 0.3 * random.normal());
  const learner = make(planOf(size), { bias: 0.2, linear: draws(width), factors: draws(width * factors) });
  const seen: number[][] = [];
  for (let batch = 1; batch <= 3; batch++) {
    const count = Math.ceil((rows * batch) / 3);
    let at = 0;
    for (let i = 0; i < count; i++) {
      learner.reserve(i + 1, at + width);
      const { offsets, columns, values, labels } = learner.area;
      offsets[i] = at;
      for (let j = 0; j < width; j++) {
        if (random.uniform() >= density) continue;
        columns[at] = j;
        values[at++] = random.normal();
      }
      offsets[i + 1] = at;
      labels[i] = loss === "squared" ? random.normal() : Math.floor(2 * random.uniform());
    }
    learner.train(count);
    const { scores, losses } = learner.area;
    seen.push([...scores.subarray(0, count)], [...losses.subarray(0, count)]);
  }
  const { bias, linear, factors: pairs } = learner.parameters();
  return { seen, learned: [bias, ...linear, ...pairs] };
}

const wasm = (pool: number) => (plan: LearnerPlan, start: Parameters) =>
  new WasmLearner(pools[pool] as KernelPool<PoolExports>, plan, start);
const plain = (plan: LearnerPlan, start: Parameters) => new PlainLearner(plan, start);

describe("the kernel agrees with its twin", () => {
  test("on random mini-batches", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const ours = run(wasm(0), size);
        const twin = run(plain, size);
        // Sums of up to 50 x 40 products in single precision, and three steps from them.
        ours.seen.flat().forEach((value, i) => {
          const wanted = twin.seen.flat()[i] as number;
          expect(Math.abs(value - wanted)).toBeLessThan(2e-4 * (1 + Math.abs(wanted)));
        });
        ours.learned.forEach((value, i) => {
          expect(Math.abs(value - (twin.learned[i] as number))).toBeLessThan(2e-4);
        });
      }),
      { numRuns: 150 },
    );
  });

  test("any number of threads gives the same bits", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        expect(run(wasm(1), size)).toEqual(run(wasm(0), size));
      }),
      { numRuns: 60 },
    );
  });
});

test("parameters of more than 3.5 GiB are left to the twin", () => {
  const plan = planOf({ rows: 1, width: 1, factors: 64, loss: "squared", density: 1, clip: 1, scale: 1, seed: 1 });
  // 68 floats of a feature with two moments each, and its stamp.
  const most = Math.floor((3.5 * 2 ** 30) / (68 * 4 * 3 + 8));
  expect(fitsKernel({ ...plan, width: most })).toBe(true);
  expect(fitsKernel({ ...plan, width: most + 1 })).toBe(false);
});

describe.for([
  ["kernel", wasm(0)],
  ["twin", plain],
] as const)("the %s", ([, make]) => {
  const still = { rate: 0, decay: 0 };
  const plan: LearnerPlan = {
    width: 3,
    factors: 2,
    loss: "squared",
    bias: still,
    linear: still,
    pairs: still,
    clip: Number.POSITIVE_INFINITY,
    epsilon: 1e-8,
    scale: undefined,
  };
  const start: Parameters = {
    bias: 0.5,
    linear: Float32Array.of(1, -1, 2),
    factors: Float32Array.of(1, 2, 3, 4, 5, 6),
  };
  const stage = (learner: Learner, entries: readonly (readonly [number, number])[], label: number) => {
    learner.reserve(1, entries.length);
    learner.area.offsets.set([0, entries.length]);
    learner.area.columns.set(entries.map(([column]) => column));
    learner.area.values.set(entries.map(([, value]) => value));
    learner.area.labels[0] = label;
  };

  test("scores the paper's model", () => {
    const learner = make(plan, start);
    stage(
      learner,
      [
        [0, 2],
        [2, -1],
      ],
      1,
    );
    learner.score(1);
    // w0 + w . x + (v0 . v2) x0 x2 = 0.5 + (2 - 2) + (5 + 12) * 2 * -1
    expect(learner.area.scores[0]).toBeCloseTo(-33.5, 5);
    expect(learner.area.losses[0]).toBeCloseTo(34.5 ** 2, 2);
  });

  test("moves the features that occur, each at its own rate, by Adam's first step", () => {
    const moving = {
      ...plan,
      bias: { rate: 0.1, decay: 0 },
      linear: { rate: 0.01, decay: 0 },
      pairs: { rate: 0.001, decay: 0 },
    };
    const learner = make(moving, start);
    stage(
      learner,
      [
        [0, 2],
        [2, -1],
      ],
      1,
    );
    learner.train(1);
    // The first step has the length of the rate, against the gradient's sign; all slopes come from a score too low.
    const { bias, linear, factors } = learner.parameters();
    expect(bias).toBeCloseTo(0.6, 5);
    expect([...linear]).toEqual([1.01, -1, 1.99].map((value) => expect.closeTo(value, 5)));
    // x0 x2 is negative: a factor of one feature falls where the other's is positive.
    expect([...factors]).toEqual([0.999, 1.999, 3, 4, 4.999, 5.999].map((value) => expect.closeTo(value, 5)));
  });

  test("weight decay acts on what occurs, also without a slope", () => {
    const learner = make({ ...plan, linear: { rate: 0.01, decay: 0.5 } }, { ...start, factors: new Float32Array(6) });
    stage(learner, [[2, 1]], 2.5); // exactly what the model says
    learner.train(1);
    expect([...learner.parameters().linear]).toEqual([1, -1, 1.99].map((value) => expect.closeTo(value, 5)));
  });

  test("an unbearable slope shows in what is learned, also where gradients are cut", () => {
    const learner = make({ ...plan, clip: 1, bias: { rate: 0.1, decay: 0 } }, start);
    stage(learner, [[0, Number.NaN]], 0);
    learner.train(1);
    expect(learner.area.scores[0]).toBeNaN();
    expect(learner.parameters().bias).toBeNaN();
  });
});
