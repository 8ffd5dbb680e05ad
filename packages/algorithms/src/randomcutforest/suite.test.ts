import { randomStream } from "../numerics/random.ts";
import { describeAlgorithm } from "../testkit/algorithm-suite.ts";
import { denseOf, type TestRows } from "../testkit/row-files.ts";
import type { FitResult } from "../testkit/run-fit.ts";
import { randomCutForest } from "./randomcutforest.ts";

const random = randomStream(3);
/** About a MiB, which takes two as numbers. */
const part = Array.from({ length: 16_384 }, () =>
  Array.from({ length: 32 }, () => Math.floor(random.uniform() * 10)).join(","),
).join("\n");

const rows = (seed: number) => {
  const stream = randomStream(seed);
  // A cloud; one column is mostly zeros.
  const features = Array.from({ length: 1000 }, (_, i) => [
    ...Array.from({ length: 3 }, () => stream.normal()),
    i % 2 === 0 ? 0 : stream.normal(),
  ]);
  return { features };
};

/** How much odder the outermost rows of the cloud are than the innermost, which is the same in any unit. */
async function contrast(result: FitResult, cloud: TestRows): Promise<number> {
  const trained = (await result.load()).predict(denseOf(cloud), { acceptParameters: new Map() });
  const scores = [...(trained.columns[0]?.values ?? [])].sort((a, b) => a - b);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return mean(scores.slice(-50)) / mean(scores.slice(0, 500));
}

describeAlgorithm(randomCutForest, {
  given: { feature_dim: "4", num_trees: "50", num_samples_per_tree: "64" },
  rows,
  hasSparse: true,
  // Another sample of the same rows gives another forest of fifty trees: its scores' standard error is a few percent.
  quality: { measure: contrast, tolerance: 0.1 },
  scaled: (ratio) => ratio, // cuts are drawn in proportion to sides
  silentMetrics: { "test:f1": "these rows have no labels; fit.test.ts has some" },
  memory: {
    given: { feature_dim: "32" },
    csv: `${part}\n`,
    times: 6, // more rows than the forest has, and more than the blocks that wait
    limitBytes: 64 * 2 ** 20,
    // What is read is garbage that waits. The rows take 108 MiB more as numbers.
    growthBytes: 40 * 2 ** 20,
  },
});
