import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { KernelPool, type PoolExports } from "../numerics/kernel-pool.ts";
import { randomStream } from "../numerics/random.ts";
import { EntityTable } from "./entity-table.ts";
import { initialise } from "./initialise.ts";
import type { Network, NetworkShape } from "./network.ts";
import { PlainNetwork } from "./plain-network.ts";
import { WasmNetwork } from "./wasm-network.ts";

// One pool for all runs: its memory is given out, never taken back, and the sizes are small.
let pools: KernelPool<PoolExports>[];
beforeAll(async () => {
  const opened = await Promise.all([1, 3].map((threads) => KernelPool.open<PoolExports>("ipinsights.wasm", threads)));
  pools = opened.filter((pool) => pool !== undefined);
  if (pools.length !== 2) throw new Error("ipinsights.wasm is not built: run `npm run setup`");
  return async () => {
    await Promise.all(pools.map((pool) => pool.close()));
  };
});

interface Sizes extends NetworkShape {
  readonly seed: number;
  readonly entities: number;
}

const sizes = fc.record({
  vectorDim: fc.integer({ min: 4, max: 21 }),
  layers: fc.integer({ min: 0, max: 3 }),
  randoms: fc.integer({ min: 0, max: 3 }),
  shuffles: fc.integer({ min: 1, max: 3 }),
  rows: fc.integer({ min: 2, max: 300 }),
  entities: fc.integer({ min: 1, max: 50 }),
  seed: fc.integer(),
});

const wasm = (shape: NetworkShape, pool = 0) => new WasmNetwork(pools[pool] as KernelPool<PoolExports>, shape);

/** Learns from a few random mini-batches, and scores the last one. */
function run(network: Network, shape: Sizes, steps = 2) {
  const { rows, randoms, shuffles, vectorDim, entities: count, seed } = shape;
  const random = randomStream(seed);
  const draw = (below: number) => Math.floor(random.uniform() * below);
  initialise(network.weights, shape, random);
  const table = new EntityTable(count, network.stride);
  for (let e = 0; e < count; e++) for (let j = 0; j < vectorDim; j++) table.row(e)[j] = random.normal() / 2;
  const { batch } = network;
  let loss = 0;
  for (let step = 1; step <= steps; step++) {
    const entities = table.stage(
      Uint32Array.from({ length: rows }, () => draw(count)),
      batch,
    );
    for (let i = 0; i < rows * (1 + randoms); i++) batch.addresses[i] = draw(2 ** 32);
    for (let s = 0; s < shuffles; s++) batch.offsets[s] = 1 + draw(rows - 1);
    network.train({ rows, entities, randoms, shuffles }, { rate: 0.01, decay: 0.001, step });
    table.settle(batch);
    loss = batch.losses.reduce((sum, value) => sum + value, 0);
  }
  table.stage(
    Uint32Array.from({ length: rows }, () => draw(count)),
    batch,
  );
  network.prepare();
  network.score(rows, 0);
  return {
    loss,
    hits: [...batch.hits],
    weights: [...network.weights],
    entities: Array.from({ length: count }, (_, e) => [...table.row(e)]).flat(),
    scores: [...batch.scores.subarray(0, rows)],
  };
}

describe("the kernel", () => {
  test("learns and scores as its twin", () => {
    fc.assert(
      fc.property(sizes, (shape) => {
        const [ours, twin] = [run(wasm(shape), shape, 1), run(new PlainNetwork(shape), shape, 1)];
        expect(ours.loss).toBeCloseTo(twin.loss, 2);
        // Adam divides a gradient by its own size: of one that is all rounding, the sign is. Those are few.
        const far = ours.weights.filter((value, i) => Math.abs(value - (twin.weights[i] as number)) > 1e-4);
        expect(far.length).toBeLessThan(3 + ours.weights.length / 100);
        const off = ours.entities.filter((value, i) => Math.abs(value - (twin.entities[i] as number)) > 1e-4);
        expect(off.length).toBeLessThan(3 + ours.entities.length / 100);
      }),
      { numRuns: 40 },
    );
  });

  test("gives the same bits on several threads", () => {
    fc.assert(
      fc.property(sizes, (shape) => {
        expect(run(wasm(shape, 1), shape)).toEqual(run(wasm(shape, 0), shape));
      }),
      { numRuns: 30 },
    );
  });

  test("scores a row alone as among others", () => {
    const shape = { vectorDim: 20, layers: 2, randoms: 0, shuffles: 0, rows: 77 };
    const network = wasm(shape);
    const random = randomStream(4);
    initialise(network.weights, shape, random);
    network.prepare();
    const { batch, stride } = network;
    for (let i = 0; i < 77; i++) {
      for (let j = 0; j < 20; j++) batch.table[3 * i * stride + j] = random.normal();
      batch.addresses[i] = random.uniform() * 2 ** 32;
      batch.entityOf[i] = i;
    }
    network.score(77, 0);
    const all = batch.scores.slice(0, 77);
    const addresses = batch.addresses.slice(0, 77);
    for (const i of [0, 5, 76]) {
      batch.entityOf[0] = i;
      batch.addresses[0] = addresses[i] as number;
      network.score(1, 0);
      expect(batch.scores[0]).toBe(all[i]);
    }
  });
});

test("gradients are those of the loss", () => {
  const shape: Sizes = { vectorDim: 8, layers: 2, randoms: 2, shuffles: 2, rows: 9, entities: 4, seed: 3 };
  const network = new PlainNetwork(shape);
  const { batch } = network;
  const random = randomStream(3);
  initialise(network.weights, shape, random);
  for (const [i] of batch.table.entries()) if (Math.floor(i / 8) % 3 === 0) batch.table[i] = random.normal() / 2;
  const table = batch.table.slice();
  const weights = network.weights.slice();
  const order = [0, 1, 2, 3, 0, 1, 2, 3, 0];
  batch.entityOf.set(order);
  batch.groups.set([0, 3, 5, 7, 9]);
  batch.groupRows.set([0, 4, 8, 1, 5, 2, 6, 3, 7]);
  for (let i = 0; i < 27; i++) batch.addresses[i] = random.uniform() * 2 ** 32;
  batch.offsets.set([2, 5]);
  const size = { rows: 9, entities: 4, randoms: 2, shuffles: 2 };
  /** The loss where things stand, by a step that moves nothing. */
  const lossOf = () => {
    network.train(size, { rate: 0, decay: 0, step: 1 });
    return batch.losses.reduce((sum, value) => sum + value, 0) / (9 * 5);
  };
  // Adam's first step is the rate times the sign of the gradient, so the signs are all that it shows.
  network.train(size, { rate: 1e-3, decay: 0, step: 1 });
  const moved = { weights: network.weights.slice(), table: batch.table.slice() };
  let checked = 0;
  const check = (target: Float32Array, origin: Float32Array, after: Float32Array, i: number) => {
    network.weights.set(weights);
    batch.table.set(table);
    const epsilon = 1e-2;
    target[i] = (origin[i] as number) + epsilon;
    const above = lossOf();
    network.weights.set(weights);
    batch.table.set(table);
    target[i] = (origin[i] as number) - epsilon;
    const slope = (above - lossOf()) / (2 * epsilon);
    if (Math.abs(slope) < 1e-3) return; // single precision and the rectifier's corner leave no sign
    expect(Math.sign((after[i] as number) - (origin[i] as number)), `${i}`).toBe(-Math.sign(slope));
    checked++;
  };
  for (let i = 0; i < weights.length; i += 3) check(network.weights, weights, moved.weights, i);
  for (let u = 0; u < 4; u++) for (let j = 0; j < 8; j++) check(batch.table, table, moved.table, 24 * u + j);
  expect(checked).toBeGreaterThan(60);
});
