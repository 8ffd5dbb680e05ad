import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { KernelPool } from "../../numerics/kernel-pool.ts";
import { randomStream } from "../../numerics/random.ts";
import { ceil4, layOut } from "../geometry.ts";
import type { LearnerPlan, LearnerState } from "../learner.ts";
import { columnState, initialWeights } from "../learner.ts";
import type { LossKind } from "../losses.ts";
import * as plain from "../plain-kernels.ts";
import { updateDense } from "../plain-learner.ts";
import type { LinearKernels } from "./exports.ts";
import type { Pool } from "./parameter-block.ts";
import { ParameterBlock, paddingMask } from "./parameter-block.ts";

// The twins add in another order and in double precision, and the kernel's exp and log are polynomials with a relative
// error of 2e-7; sums of 70 x 40 terms of size 1 stay within 1e-4.
const tolerance = 1e-4;

let pool: Pool;
beforeAll(async () => {
  const opened = await KernelPool.open<LinearKernels>("linear-learner.wasm", 1);
  if (opened === undefined) throw new Error("linear-learner.wasm is not built: run `npm run setup`");
  pool = opened;
});

function place(values: Float32Array | Float64Array): number {
  const at = pool.allocate(values.byteLength + 16);
  if (values instanceof Float64Array) pool.doubles(at, values.length).set(values);
  else pool.floats(at, values.length).set(values);
  return at;
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const wanted = expected[i] as number;
    if (Number.isNaN(wanted)) expect(actual[i]).toBeNaN();
    else
      expect(Math.abs((actual[i] as number) - wanted)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(wanted)));
  }
}

const columnCounts = fc.constantFrom(1, 4, 8, 12, 32, 36);
const sizes = fc.record({
  rows: fc.integer({ min: 0, max: 70 }),
  width: fc.integer({ min: 1, max: 41 }),
  columns: columnCounts,
  seed: fc.integer(),
  withNaN: fc.boolean(),
});

function random(seed: number, count: number): Float32Array {
  const stream = randomStream(seed);
  return Float32Array.from({ length: count }, () => 2 * stream.normal());
}

describe("kernels agree with their twins", () => {
  test("stage", () => {
    fc.assert(
      fc.property(sizes, ({ rows, width, seed, withNaN }) => {
        const stride = ceil4(width);
        const from = random(seed, rows * width);
        if (withNaN && from.length > 0) from[0] = Number.NaN;
        const scaling = { shift: random(seed + 1, width), scale: random(seed + 2, width) };
        const expected = new Float32Array(rows * stride);
        plain.stage(from, expected, rows, scaling, stride);
        const to = place(random(seed + 3, rows * stride));
        pool.exports.stage(place(from), to, rows, width, stride, place(scaling.shift), place(scaling.scale));
        expectClose(pool.floats(to, rows * stride), expected);
      }),
    );
  });

  test("scores and gradient", () => {
    fc.assert(
      fc.property(sizes, ({ rows, width, columns, seed, withNaN }) => {
        const stride = ceil4(width);
        const x = random(seed, rows * stride);
        if (withNaN && x.length > 0) x[x.length - 1] = Number.NaN;
        const w = random(seed + 1, (stride + 1) * columns);
        const expected = new Float32Array(rows * columns);
        plain.scores(x, w, expected, rows, stride, columns);
        const s = place(new Float32Array(ceil4(rows) * columns));
        pool.exports.scores(place(x), place(w), s, rows, stride, columns);
        expectClose(pool.floats(s, rows * columns), expected);

        const start = random(seed + 2, (stride + 1) * columns);
        const gradient = start.slice();
        plain.gradient(x, expected, gradient, rows, stride, columns);
        const grad = place(start);
        pool.exports.gradient(place(x), place(expected), grad, rows, stride, columns);
        expectClose(pool.floats(grad, start.length), gradient);
      }),
    );
  });

  test.for<[LossKind, string]>([
    [0, "squared"],
    [1, "absolute"],
    [2, "epsilon-insensitive squared"],
    [3, "epsilon-insensitive absolute"],
    [4, "quantile"],
    [5, "huber"],
    [6, "logistic"],
    [7, "hinge"],
  ])("loss %i, %s", ([kind]) => {
    fc.assert(
      fc.property(sizes, fc.boolean(), ({ rows: anyRows, columns, seed, withNaN }, isWeighted) => {
        const rows = Math.min(anyRows, 64); // a tile
        const s = random(seed, ceil4(rows) * columns).map((score) => score * 8);
        if (withNaN && s.length > 0) s[0] = Number.NaN;
        const y = random(seed + 1, rows).map((value) => (kind >= 6 ? Number(value > 0) : value));
        const lanes = Math.max(columns, 4);
        const positiveWeights = new Float32Array(lanes).map((_, c) => (isWeighted ? 1 + (columns === 1 ? 1 : c) : 1));
        const setting = {
          kind,
          parameter: 0.3,
          classes: 1,
          columnsPerModel: 1,
          positiveWeights,
          classWeights: undefined,
        };
        const expected = s.slice();
        const losses = new Float64Array(lanes);
        plain.loss(setting, expected, y, rows, columns, losses);
        const at = place(s);
        const sums = place(new Float64Array(lanes));
        pool.exports.loss(kind, at, place(y), rows, columns, 0.3, place(positiveWeights), sums, 1, 0, 0);
        expectClose(pool.floats(at, rows * columns), expected.subarray(0, rows * columns));
        const actual = pool.doubles(sums, lanes);
        if (columns === 1) expectClose([actual.reduce((a, b) => a + b, 0)], [losses[0] as number]);
        else expectClose(actual, losses);
      }),
    );
  });

  test("loss 8, softmax", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 64 }),
        fc.integer({ min: 3, max: 11 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer(),
        fc.boolean(),
        (rows, classes, models, seed, isWeighted) => {
          const { columns, columnsPerModel } = layOut(1, models, classes);
          const s = random(seed, rows * columns).map((score) => score * 8);
          const y = random(seed + 1, rows).map((value) => Math.floor(Math.abs(value) * 7) % classes);
          const weights = isWeighted ? random(seed + 2, classes).map(Math.abs) : undefined;
          const expected = s.slice();
          const losses = new Float64Array(columns);
          const setting = { kind: 8, parameter: 0, classes, columnsPerModel } as const;
          const positiveWeights = new Float32Array(columns).fill(1);
          plain.loss({ ...setting, positiveWeights, classWeights: weights }, expected, y, rows, columns, losses);
          const at = place(s);
          const sums = place(new Float64Array(columns));
          const mask = place(paddingMask(classes, columnsPerModel));
          const given = weights === undefined ? 0 : place(weights);
          const pos = place(positiveWeights);
          pool.exports.loss(8, at, place(y), rows, columns, 0, pos, sums, columnsPerModel, mask, given);
          expectClose(pool.floats(at, rows * columns), expected);
          expectClose(pool.doubles(sums, columns), losses);
        },
      ),
    );
  });

  test.for<[0 | 1 | 2, string]>([
    [0, "adam"],
    [1, "sgd with momentum"],
    [2, "rmsprop"],
  ])("update %i, %s", ([kind]) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer(),
        fc.boolean(),
        (width, models, seed, useBias) => {
          const { plan, state } = planOf(kind, width, models, seed, useBias);
          const twin = copyOf(state);
          const block = new ParameterBlock(pool, plan, state);
          const gradients = random(seed + 5, block.chunks * plan.geometry.weights);
          const grads = Array.from({ length: block.chunks }, (_, i) =>
            gradients.slice(i * plan.geometry.weights, (i + 1) * plan.geometry.weights),
          );
          block.set({ gradients: place(gradients) });
          for (let step = 0; step < 5; step++) {
            pool.exports.update(block.address, 100);
            plain.tick(twin.columns);
            updateDense(plan, twin, grads, 100);
          }
          const real = (w: Float32Array) => (plan.geometry.columns === 1 ? w.subarray(0, plan.geometry.stride + 1) : w);
          expectClose(real(block.state.weights), real(twin.weights));
          expectClose(block.state.columns.lr, twin.columns.lr);
          expectClose(block.state.columns.lrCount, twin.columns.lrCount);
        },
      ),
    );
  });
});

function planOf(kind: 0 | 1 | 2, width: number, models: number, seed: number, useBias: boolean) {
  const geometry = layOut(width, models, 1);
  const stream = randomStream(seed);
  const candidates = Array.from({ length: models }, (_, model) => ({
    learningRate: 0.1 / (model + 1),
    l1: model % 2 === 0 ? 0.2 : 0,
    wd: model % 3 === 0 ? 0.1 : 0,
    schedulerStep: 1 + (model % 2),
    schedulerFactor: 0.5,
    schedulerMinimum: 0.02,
    positiveWeight: 1,
  }));
  const plan: LearnerPlan = {
    geometry,
    batch: 200,
    scaling: {
      shift: new Float32Array(width),
      scale: new Float32Array(width).fill(1),
      labelShift: 0,
      labelDeviation: 1,
    },
    loss: {
      kind: 0,
      parameter: 0,
      classes: 1,
      columnsPerModel: 1,
      positiveWeights: new Float32Array(geometry.lanes).fill(1),
      classWeights: undefined,
    },
    optimizer: { kind, beta1: 0.9, beta2: 0.99, momentum: 0.7, epsilon: 1e-8, biasLrMult: 2, biasWdMult: 0.5 },
    useBias,
  };
  const state: LearnerState = {
    weights: initialWeights(geometry, () => stream.normal(), 0.5),
    first: new Float32Array(geometry.weights),
    second: new Float32Array(geometry.weights),
    columns: columnState(geometry, candidates, true),
    betaPowers: Float64Array.of(1, 1),
  };
  return { plan, state };
}

function copyOf(state: LearnerState): LearnerState {
  return structuredClone(state);
}
