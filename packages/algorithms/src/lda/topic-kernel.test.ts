import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { KernelPool, type PoolExports } from "../numerics/kernel-pool.ts";
import { type RandomStream, randomStream } from "../numerics/random.ts";
import { type Counts, turned } from "./corpus.ts";
import { PlainTopics } from "./plain-topics.ts";
import type { TopicKernel, Vectors } from "./topic-kernel.ts";
import { WasmTopics } from "./wasm-topics.ts";

// One pool for all runs: its memory is given out, never taken back, and the sizes are small.
let pools: KernelPool<PoolExports>[];
beforeAll(async () => {
  const opened = await Promise.all([1, 3].map((threads) => KernelPool.open<PoolExports>("topics.wasm", threads)));
  pools = opened.filter((pool) => pool !== undefined);
  if (pools.length !== 2) throw new Error("topics.wasm is not built: run `npm run setup`");
  return async () => {
    await Promise.all(pools.map((pool) => pool.close()));
  };
});

interface Sizes {
  readonly documents: number;
  readonly words: number;
  readonly topics: number;
  readonly seed: number;
}

const sizes = fc.record({
  documents: fc.integer({ min: 0, max: 60 }),
  words: fc.integer({ min: 1, max: 40 }),
  topics: fc.integer({ min: 1, max: 23 }),
  seed: fc.integer(),
});

function corpusOf({ documents, words }: Sizes, random: RandomStream): Counts {
  const offsets = new Int32Array(documents + 1);
  const [indices, counts]: [number[], number[]] = [[], []];
  for (let d = 0; d < documents; d++) {
    for (let w = 0; w < words; w++) {
      if (random.uniform() > 0.3) continue;
      indices.push(w);
      counts.push(1 + Math.floor(3 * random.uniform()));
    }
    offsets[d + 1] = indices.length;
  }
  return { lines: documents, offsets, indices: Int32Array.from(indices), counts: Float32Array.from(counts) };
}

function fill({ values, stride }: Vectors, width: number, draw: () => number): void {
  for (let at = 0; at < values.length; at += stride) for (let k = 0; k < width; k++) values[at + k] = draw();
}

/** All that a kernel does, once. */
function run(kernel: TopicKernel, size: Sizes) {
  const random = randomStream(size.seed);
  const corpus = corpusOf(size, random);
  const [documents, words] = [kernel.place(corpus), kernel.place(turned(corpus, size.words))];
  const [topics, mixtures, prior, smoothing] = [size.words, size.documents, 1, 1].map((lines) =>
    kernel.vectors(lines, size.topics),
  ) as [Vectors, Vectors, Vectors, Vectors];
  fill(topics, size.topics, () => random.uniform() + 0.01);
  fill(mixtures, size.topics, () => 1 / size.topics);
  fill(prior, size.topics, () => 0.2);
  smoothing.values.fill(0.05);
  const products = kernel.vectors(size.documents, size.topics);
  kernel.multiply(documents, topics, products);
  const likelihoods = kernel.doubles(size.documents);
  kernel.infer(documents, topics, mixtures, { prior, iterations: 5, tolerance: 0, likelihoods });
  kernel.collect(words, mixtures, topics, smoothing);
  return [products.values, mixtures.values, likelihoods, topics.values].map((values) => [...values]);
}

const wasm = ({ topics }: Sizes, pool = 0) => new WasmTopics(pools[pool] as KernelPool<PoolExports>, topics);

describe("the kernel agrees with its twin", () => {
  test("on random documents", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const [ours, twin] = [run(wasm(size), size), run(new PlainTopics(), size)];
        for (const [part, values] of ours.entries()) {
          // Sums of some dozens of numbers in single precision.
          const isFar = (value: number, i: number) => {
            const wanted = twin[part]?.[i] as number;
            return !(Math.abs(value - wanted) <= 2e-5 * (1 + Math.abs(wanted)));
          };
          expect(values.findIndex(isFar)).toBe(-1);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("any number of threads gives the same bits", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        expect(run(wasm(size, 1), size)).toEqual(run(wasm(size), size));
      }),
      { numRuns: 50 },
    );
  });
});

test("a word that no topic has counts as nearly impossible, not as a failure", () => {
  for (const kernel of [wasm({ documents: 1, words: 2, topics: 2, seed: 1 }), new PlainTopics()]) {
    const one: Counts = {
      lines: 1,
      offsets: Int32Array.of(0, 2),
      indices: Int32Array.of(0, 1),
      counts: Float32Array.of(1, 1),
    };
    const [topics, mixtures, prior] = [2, 1, 1].map((lines) => kernel.vectors(lines, 2)) as [Vectors, Vectors, Vectors];
    topics.values[0] = 1;
    mixtures.values.set([0.5, 0.5]);
    prior.values.set([0.1, 0.1]);
    const likelihoods = kernel.doubles(1);
    kernel.infer(kernel.place(one), topics, mixtures, { prior, iterations: 9, tolerance: 0, likelihoods });
    expect(mixtures.values[0]).toBeCloseTo(1.1 / 1.2, 5);
    expect(likelihoods[0]).toBeCloseTo(Math.log(1.1 / 1.2) + Math.log(1e-30), 3);
  }
});

test("vectors wider than the kernel was opened for are refused", () => {
  const kernel = wasm({ documents: 1, words: 1, topics: 4, seed: 1 });
  expect(() => kernel.vectors(1, 5)).toThrow("the kernel is for vectors of 4, not 5");
});
