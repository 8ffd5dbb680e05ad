import { randomStream } from "../numerics/random.ts";
import { describeAlgorithm } from "../testkit/algorithm-suite.ts";
import { recordIoOf } from "../testkit/row-files.ts";
import { factorizationMachines } from "./factorization-machines.ts";
import { metrics } from "./metrics.ts";

const random = randomStream(5);
/** About half a MiB as frames, a quarter more as rows. */
const part = {
  features: Array.from({ length: 4096 }, () => Array.from({ length: 24 }, () => Math.floor(random.uniform() * 3))),
  labels: Array.from({ length: 4096 }, () => random.normal()),
};

describeAlgorithm(factorizationMachines, {
  given: {
    predictor_type: "regressor",
    feature_dim: "4",
    num_factors: "3",
    epochs: "60",
    mini_batch_size: "20",
    linear_lr: "0.02",
    factors_lr: "0.02",
    factors_init_sigma: "0.1",
  },
  rows: (seed) => {
    const stream = randomStream(seed);
    const features = Array.from({ length: 200 }, (_, i) => [
      stream.normal(),
      stream.normal(),
      stream.normal(),
      i % 2 === 0 ? 0 : 1,
    ]);
    // A linear part, a pair that no linear model can see, and noise of a third.
    const labels = features.map(([a = 0, b = 0, c = 0, d = 0]) => 2 + a - d + 1.5 * b * c + stream.normal() / 3);
    return { features, labels };
  },
  hasSparse: true,
  // Mini-batches of another order end elsewhere near the optimum.
  quality: { metric: "train:rmse", tolerance: 0.05 },
  silentMetrics: Object.fromEntries(
    metrics.filter(({ name }) => name.includes("binary")).map(({ name }) => [name, "of classifiers"]),
  ),
  memory: {
    given: { predictor_type: "regressor", feature_dim: "24", num_factors: "4", epochs: "2" },
    recordIo: recordIoOf(part, true),
    times: 20, // enough for both jobs to read on two threads
    limitBytes: 32 * 2 ** 20,
    // A quarter of the limit is kept; the rest is garbage that waits, 44 to 69 MiB in all on a busy machine. The rows take 98 MiB
    // more as numbers.
    growthBytes: 80 * 2 ** 20,
  },
});
