import { randomStream } from "../numerics/random.ts";
import { describeAlgorithm } from "../testkit/algorithm-suite.ts";
import { linearLearner } from "./linear-learner.ts";
import { metrics } from "./metrics.ts";

const random = randomStream(3);
/** About a MiB, which takes two as numbers: a label, and features of one digit. */
const part = Array.from({ length: 16_384 }, (_, i) =>
  [i % 2, ...Array.from({ length: 31 }, () => Math.floor(random.uniform() * 10))].join(",").concat("\n"),
).join("");

const ofRegressions = /objective_loss|absolute_loss|mse|progress|throughput/;

describeAlgorithm(linearLearner, {
  given: {
    predictor_type: "regressor",
    num_models: "1",
    epochs: "40",
    mini_batch_size: "20",
    early_stopping_patience: "1000",
  },
  rows: (seed) => {
    const stream = randomStream(seed);
    const features = Array.from({ length: 200 }, (_, i) => [
      5 * stream.normal(),
      stream.normal(),
      i % 2 === 0 ? 0 : stream.normal(),
    ]);
    const labels = features.map(([a = 0, b = 0, c = 0]) => 3 + a - 2 * b + 4 * c + stream.normal());
    return { features, labels };
  },
  hasSparse: true,
  // Mini-batches of another order end elsewhere near the optimum; sparse rows are not centred.
  quality: { metric: "train:mse", tolerance: 0.05 },
  scaled: (mse) => mse, // features are brought to one scale first
  silentMetrics: Object.fromEntries(
    metrics.filter(({ name }) => !ofRegressions.test(name)).map(({ name }) => [name, "of classifiers"]),
  ),
  memory: {
    given: { predictor_type: "binary_classifier", num_models: "4", epochs: "2" },
    csv: part,
    times: 6,
    limitBytes: 16 * 2 ** 20, // half of which is less than the rows of the smaller job
    // A quarter of the limit is kept; the rest is garbage that waits. The rows take 108 MiB more as numbers.
    growthBytes: 36 * 2 ** 20,
  },
  checkpointed: {
    line: "#progress_metric",
    given: { predictor_type: "regressor", num_models: "1", epochs: "6", mini_batch_size: "20" },
  },
});
