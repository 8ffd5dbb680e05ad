import { expect, test } from "vitest";
import { EntityTable } from "./entity-table.ts";
import { reference } from "./fixtures/reference.ts";
import { openNetwork } from "./open-network.ts";

const { shape, start, end, batches, losses, rate, decay } = reference;
const { layers, rows, randoms, shuffles, vectorDim } = shape;

/** The encoder's parameters in the order of a network's weights; the stride is the width here. */
const weightsOf = (parameters: typeof start) =>
  Array.from({ length: layers + 1 }, (_, layer) => [parameters[`w${layer}`], parameters[`b${layer}`]]).flat(
    3,
  ) as number[];

// Theirs is double precision with derivatives by autograd, ours single: a loss agrees to six digits. Adam's steps of 0.01 are
// ratios of gradients, which agree to four digits where the gradient is not nearly nothing.
test("three steps end where automatic differentiation in double precision does", async () => {
  const network = await openNetwork(shape, 1);
  expect(network.stride).toBe(vectorDim);
  network.weights.set(weightsOf(start));
  const rowsOf = (parameters: typeof start) => parameters.entities as readonly (readonly number[])[];
  const table = new EntityTable(rowsOf(start).length, network.stride);
  rowsOf(start).forEach((row, entity) => table.row(entity).set(row));
  const { batch } = network;
  for (const [i, { entities, addresses, offsets }] of batches.entries()) {
    const unique = table.stage(Uint32Array.from(entities), batch);
    batch.addresses.set(addresses);
    batch.offsets.set(offsets);
    network.train({ rows, entities: unique, randoms, shuffles }, { rate, decay, step: i + 1 });
    table.settle(batch);
    const loss = batch.losses.reduce((sum, value) => sum + value, 0) / (rows * (1 + randoms + shuffles));
    expect(loss / (losses[i] as number)).toBeCloseTo(1, 5);
  }
  const wanted = weightsOf(end);
  expect(wanted).toHaveLength(network.weights.length);
  wanted.forEach((value, i) =>
    expect(Math.abs((network.weights[i] as number) - value), `weight ${i}`).toBeLessThan(2e-4),
  );
  rowsOf(end).forEach((row, entity) => {
    row.forEach((value, j) => expect(Math.abs((table.row(entity)[j] as number) - value)).toBeLessThan(2e-4));
  });
  await network.close();
});
