import { randomStream } from "../numerics/random.ts";
import { describeAlgorithm } from "../testkit/algorithm-suite.ts";
import { linearLearner } from "./linear-learner.ts";
import { metrics } from "./metrics.ts";

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
  checkpointed: {
    line: "#progress_metric",
    given: { predictor_type: "regressor", num_models: "1", epochs: "6", mini_batch_size: "20" },
  },
});
