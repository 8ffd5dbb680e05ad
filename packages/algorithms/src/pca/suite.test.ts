import { randomStream } from "../numerics/random.ts";
import { describeAlgorithm } from "../testkit/algorithm-suite.ts";
import { pca } from "./pca.ts";

const random = randomStream(3);
/** About a MiB, which takes two as numbers. */
const part = Array.from({ length: 16_384 }, () =>
  Array.from({ length: 32 }, () => Math.floor(random.uniform() * 10)).join(","),
).join("\n");

const rows = (seed: number) => {
  const stream = randomStream(seed);
  // Two directions that count, and a column that is mostly zeros.
  const features = Array.from({ length: 200 }, (_, i) => {
    const [a, b] = [10 * stream.normal(), 3 * stream.normal()];
    return [a + stream.normal(), b - a, b + stream.normal() + 5, i % 2 === 0 ? 0 : stream.normal()];
  });
  return { features };
};

describeAlgorithm(pca, {
  given: { feature_dim: "4", num_components: "2", mini_batch_size: "40" },
  rows,
  hasSparse: true,
  quality: { metric: "train:explained_variance_ratio", tolerance: 1e-5 },
  scaled: (ratio) => ratio,
  memory: {
    given: { feature_dim: "31", num_components: "3", mini_batch_size: "500" },
    csv: `${part}\n`, // its first column is a label, as there is no label_size
    times: 6,
    limitBytes: 32 * 2 ** 20,
    // The rows take 108 MiB more as numbers; what grows is garbage that waits.
    growthBytes: 40 * 2 ** 20,
  },
});
