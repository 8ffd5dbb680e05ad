import { pairsOf } from "../formats/pairs/pairs-of.ts";
import type { Channel } from "../job/channels.ts";

/** The pairs of a mini-batch. */
export interface PairBatch {
  /** Number of each row's entity, below `num_entity_vectors`. */
  readonly entities: Uint32Array;
  readonly addresses: Uint32Array;
}

/** How pairs are read. */
export interface PairOptions {
  readonly numEntityVectors: number;
  readonly miniBatchSize: number;
  /** Whether there is only one pass. */
  readonly isOnePass: boolean;
}

/** Passes over the pairs of a channel, a mini-batch at a time; one is valid until the next one is asked for. */
export function openPairs(channel: Channel, { numEntityVectors, miniBatchSize: size, isOnePass }: PairOptions) {
  const options = { labelWidth: 0, defaultContentType: "text/csv", isDense: true, hasPairs: true, isOnePass };
  const stream = channel.stream(options);
  const entities = new Uint32Array(size);
  const addresses = new Uint32Array(size);
  const filledTo = (count: number): PairBatch => ({
    entities: entities.subarray(0, count),
    addresses: addresses.subarray(0, count),
  });
  return async function* pass(): AsyncGenerator<PairBatch> {
    let filled = 0;
    for await (const { features } of stream) {
      const pairs = pairsOf(features);
      for (let i = 0; i < features.count; i++) {
        entities[filled] = (pairs[2 * i] as number) % numEntityVectors;
        addresses[filled] = pairs[2 * i + 1] as number;
        if (++filled < size) continue;
        yield filledTo(size);
        filled = 0;
      }
    }
    if (filled > 0) yield filledTo(filled);
  };
}
