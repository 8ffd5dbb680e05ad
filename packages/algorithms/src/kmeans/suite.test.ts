import { randomStream } from "../numerics/random.ts";
import { describeAlgorithm } from "../testkit/algorithm-suite.ts";
import { kmeans } from "./kmeans.ts";

const random = randomStream(3);
/** About a MiB, which takes two as numbers. */
const part = Array.from({ length: 16_384 }, () =>
  Array.from({ length: 32 }, () => Math.floor(random.uniform() * 10)).join(","),
).join("\n");

describeAlgorithm(kmeans, {
  given: { k: "3", feature_dim: "4", mini_batch_size: "40" },
  rows: (seed) => {
    const stream = randomStream(seed);
    // Three clusters, as far apart as several of their widths; one column is mostly zeros.
    const features = Array.from({ length: 200 }, (_, i) => {
      const cluster = i % 3;
      const zero = i % 2 === 0 ? 0 : stream.normal();
      return [cluster * 10 + stream.normal(), stream.normal() - cluster * 6, stream.normal(), zero];
    });
    return { features };
  },
  hasSparse: true,
  // The clusters are plain: whatever the order of rows, all are found, and all rows are in the sample.
  quality: { metric: "train:msd", tolerance: 1e-4 },
  scaled: (msd, factor) => msd * factor * factor,
  silentMetrics: { "test:ssd": "eval_metrics asks for msd only" },
  memory: {
    given: { k: "4", feature_dim: "32", epochs: "2" },
    csv: `${part}\n`,
    times: 6, // enough for the sample of 20,000 rows to be full
    limitBytes: 32 * 2 ** 20,
    // A quarter of the limit is kept; the rest is garbage that waits. The rows take 108 MiB more as numbers.
    growthBytes: 40 * 2 ** 20,
  },
});
