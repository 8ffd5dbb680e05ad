import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Table } from "../formats/rows.ts";
import { parseHyperparameters } from "../job/hyperparameters.ts";
import { KernelPool } from "../numerics/kernel-pool.ts";
import { randomStream } from "../numerics/random.ts";
import { denseTable, sparseTable } from "../testkit/tables.ts";
import { hyperparameters } from "./hyperparameters.ts";
import type { LinearKernels } from "./kernels/exports.ts";
import type { Pool } from "./kernels/parameter-block.ts";
import type { Learner } from "./learner.ts";
import { blockRows } from "./learner.ts";
import { placeSparse, SparseRoom } from "./placed-rows.ts";
import { PlainLearner } from "./plain-learner.ts";
import { planTraining } from "./plan.ts";
import { scaleLabels } from "./scaling.ts";
import { resolveSettings } from "./settings.ts";
import { SparseLearner } from "./sparse-learner.ts";
import { type Piece, type Split, splitOf } from "./split.ts";
import { Stager } from "./staged-rows.ts";
import { factsOf, scalingOf } from "./testkit.ts";
import { WasmLearner } from "./wasm-learner.ts";
import { WasmSparseLearner } from "./wasm-sparse-learner.ts";

const never = new AbortController().signal;
const pools = new Map<number, Pool>();
beforeAll(async () => {
  for (const threads of [1, 3]) {
    const pool = await KernelPool.open<LinearKernels>("linear-learner.wasm", threads);
    if (pool === undefined) throw new Error("linear-learner.wasm is not built: run `npm run setup`");
    pools.set(threads, pool);
  }
});
afterAll(async () => {
  for (const pool of pools.values()) await pool.close();
});

const stream = randomStream(3);
const rows = Array.from({ length: 1000 }, () => Array.from({ length: 7 }, () => stream.normal()));
const sums = rows.map((row) => row.reduce((sum, value, j) => sum + value * (j % 2 === 0 ? 1 : -0.5), 0));
const labels = {
  regressor: sums.map((sum) => 10 * sum + 100),
  binary_classifier: sums.map((sum) => Number(sum > 0.3)),
  multiclass_classifier: sums.map((sum) => (sum > 1 ? 2 : sum > -1 ? 1 : 0)),
};
type PredictorType = keyof typeof labels;

function startOf(type: PredictorType, models: number, table: Table, more: Record<string, string> = {}) {
  const given = {
    predictor_type: type,
    num_models: String(models),
    mini_batch_size: "130",
    num_classes: "3",
    epochs: "2",
    ...more,
  };
  const settings = resolveSettings(parseHyperparameters(hyperparameters, given), false);
  const scaling = scalingOf(table, settings);
  const start = planTraining(settings, factsOf(table, settings), scaling);
  const split = splitOf({ features: table.features, labels: scaleLabels(table.labels, scaling) });
  return { ...start, split, state: structuredClone(start.state) };
}

function wasmLearner(threads: number, from: ReturnType<typeof startOf>, isResident = true): Learner {
  const pool = pools.get(threads) as Pool;
  const stager = new Stager(pool, from.plan.scaling, isResident ? blockRows(from.plan.geometry, 130) : 260);
  const staged = new Map<Split, ReturnType<Stager["resident"]>>();
  return new WasmLearner(pool, from.plan, from.split, from.state, (split) => {
    const known = staged.get(split) ?? (isResident ? stager.resident(split) : stager.passing(split));
    staged.set(split, known);
    return known;
  });
}

async function twoEpochs(learner: Learner, split: Split) {
  await learner.trainEpoch(never);
  const losses = await learner.trainEpoch(never);
  const scores: number[] = [];
  const evaluated = await learner.evaluate(split, (block) => void scores.push(...block));
  return { losses, scores, evaluated, weights: Float32Array.from(learner.state.weights) };
}

const cases: [PredictorType, number][] = [
  ["regressor", 1],
  ["regressor", 5],
  ["binary_classifier", 1],
  ["binary_classifier", 32],
  ["multiclass_classifier", 1],
  ["multiclass_classifier", 3],
];

describe.for(cases)("%s, %i model(s)", ([type, models]) => {
  const table = denseTable(rows, labels[type]);

  test("WASM and plain TypeScript learn the same", async () => {
    const plain = startOf(type, models, table);
    const expected = await twoEpochs(new PlainLearner(plain.plan, plain.split, plain.state), plain.split);
    const wasm = startOf(type, models, table);
    const actual = await twoEpochs(wasmLearner(1, wasm), wasm.split);
    // Sixteen updates in float32 instead of double; adam divides by small numbers, so weights differ in the fourth place.
    for (const name of ["losses", "evaluated", "scores"] as const) {
      actual[name].forEach((value, i) => expect(value).toBeCloseTo(expected[name][i] as number, 2));
    }
  });

  test("the number of threads does not change a bit", async () => {
    const one = startOf(type, models, table);
    const three = startOf(type, models, table);
    const alone = await twoEpochs(wasmLearner(1, one), one.split);
    expect(await twoEpochs(wasmLearner(3, three), three.split)).toEqual(alone);
  });

  test("rows that do not stay in memory teach the same", async () => {
    const kept = startOf(type, models, table);
    const passing = startOf(type, models, table);
    const expected = await twoEpochs(wasmLearner(1, kept), kept.split);
    const actual = await twoEpochs(wasmLearner(1, passing, false), passing.split);
    expect(actual.weights).toEqual(expected.weights);
    expect(actual.scores).toEqual(expected.scores);
  });

  test("sparse rows without zeros teach what dense rows do", async () => {
    const dense = startOf(type, models, table, { unbias_data: "false" });
    const expected = await twoEpochs(new PlainLearner(dense.plan, dense.split, dense.state), dense.split);
    const sparse = startOf(type, models, sparseTable(rows, labels[type]));
    const actual = await twoEpochs(new SparseLearner(sparse.plan, sparse.split, sparse.state), sparse.split);
    actual.evaluated.forEach((value, i) => expect(value).toBeCloseTo(expected.evaluated[i] as number, 3));
    for (let i = 0; i < rows.length; i++) {
      const mine = actual.scores[i * sparse.plan.geometry.columns] as number;
      expect(mine).toBeCloseTo(expected.scores[i * dense.plan.geometry.columns] as number, 2);
    }
  });

  test("WASM and plain TypeScript learn the same from sparse rows, on any number of threads", async () => {
    const holes = sparseTable(
      rows.map((row, i) => row.map((value, j) => ((i + j) % 3 === 0 ? 0 : value))),
      labels[type],
    );
    const plain = startOf(type, models, holes);
    const expected = await twoEpochs(new SparseLearner(plain.plan, plain.split, plain.state), plain.split);
    const on = async (threads: number, isPassing = false) => {
      const start = startOf(type, models, holes);
      const pool = pools.get(threads) as Pool;
      const { scale } = start.plan.scaling;
      const placed = isPassing
        ? new SparseRoom(pool, scale).passing(start.split)
        : placeSparse(pool, start.split.inMemory as Piece, scale);
      return await twoEpochs(
        new WasmSparseLearner(pool, start.plan, start.split, start.state, () => placed),
        start.split,
      );
    };
    const actual = await on(1);
    for (const name of ["losses", "evaluated", "scores"] as const) {
      actual[name].forEach((value, i) => expect(value).toBeCloseTo(expected[name][i] as number, 2));
    }
    expect(await on(3)).toEqual(actual);
    expect(await on(1, true)).toEqual(actual);
  });
});
