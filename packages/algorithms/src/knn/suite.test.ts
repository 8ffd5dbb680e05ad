import { randomStream } from "../numerics/random.ts";
import { describeAlgorithm } from "../testkit/algorithm-suite.ts";
import { denseOf } from "../testkit/row-files.ts";
import { knn } from "./knn.ts";

const random = randomStream(3);
/** About a MiB, which takes two as numbers. */
const part = Array.from({ length: 16_384 }, () =>
  Array.from({ length: 33 }, () => Math.floor(random.uniform() * 10)).join(","),
).join("\n");

describeAlgorithm(knn, {
  given: { k: "3", sample_size: "1000", predictor_type: "regressor" },
  rows: (seed) => {
    const stream = randomStream(seed);
    const features = Array.from({ length: 200 }, (_, i) => [
      5 * stream.normal(),
      3 * stream.normal(),
      i % 2 === 0 ? 0 : stream.normal(),
    ]);
    const labels = features.map(([a = 0, b = 0, c = 0]) => 3 + a - 2 * b + c + stream.normal());
    return { features, labels };
  },
  hasSparse: true,
  // All rows are in the sample, and no two are equally far from a third.
  quality: {
    tolerance: 1e-6,
    measure: async (result, { features, labels = [] }) => {
      const answer = (await result.load()).predict(denseOf({ features }), { acceptParameters: new Map() });
      const errors = labels.map((label, i) => (answer.columns[0]?.values[i] as number) - label);
      return errors.reduce((sum, error) => sum + error ** 2, 0) / labels.length;
    },
  },
  scaled: (mse) => mse, // neighbours stay what they are
  silentMetrics: { "test:accuracy": "of classifiers" },
  memory: {
    given: { k: "4", sample_size: "20000", predictor_type: "classifier" },
    csv: `${part}\n`,
    times: 3, // enough for the sample to be full
    limitBytes: 64 * 2 ** 20,
    // What is read ahead and garbage that waits; the rows would take 54 MiB more as numbers.
    growthBytes: 32 * 2 ** 20,
  },
});
