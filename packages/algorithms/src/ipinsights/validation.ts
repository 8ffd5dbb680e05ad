import { CustomerError } from "../job/errors.ts";
import { randomStream } from "../numerics/random.ts";
import { areaUnderCurve } from "./auc.ts";
import type { EntityTable } from "./entity-table.ts";
import type { Network } from "./network.ts";
import type { PairBatch } from "./pair-batches.ts";

/** Every epoch is measured on the same made-up pairs. */
const seed = 0x617563;

/**
 * How well products tell real pairs from made-up ones: each pair against its entity with one random address, whatever is
 * trained with.
 * @returns The area under the curve, from 0 to 1.
 * @throws CustomerError when there is no pair.
 */
export async function discriminatorAuc(
  batches: AsyncIterable<PairBatch>,
  network: Network,
  entities: EntityTable,
): Promise<number> {
  const random = randomStream(seed);
  const real: Float32Array[] = [];
  const made: Float32Array[] = [];
  const { batch } = network;
  for await (const { entities: numbers, addresses } of batches) {
    const rows = numbers.length;
    entities.stage(numbers, batch);
    batch.addresses.set(addresses);
    for (let i = 0; i < rows; i++) batch.addresses[rows + i] = random.uniform() * 2 ** 32;
    network.score(rows, 1);
    real.push(batch.scores.slice(0, rows));
    made.push(batch.scores.slice(rows, 2 * rows));
  }
  if (real.length === 0) throw new CustomerError("The validation channel has no rows: all of its files are empty.");
  return areaUnderCurve(joined(real), joined(made));
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
