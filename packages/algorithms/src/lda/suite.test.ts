import { randomStream } from "../numerics/random.ts";
import { describeAlgorithm } from "../testkit/algorithm-suite.ts";
import { lda } from "./lda.ts";

describeAlgorithm(lda, {
  given: { num_topics: "2", feature_dim: "8", mini_batch_size: "200" },
  rows: (seed) => {
    const random = randomStream(seed);
    // Two topics, of the first words and of the last; each document is mostly one of them.
    const features = Array.from({ length: 200 }, (_, d) => {
      const counts = Array.from({ length: 8 }, () => 0);
      const share = d % 2 === 0 ? 0.9 : 0.1;
      for (let i = 0; i < 30; i++) {
        const word = (random.uniform() < share ? 0 : 4) + Math.floor(4 * random.uniform());
        counts[word] = (counts[word] as number) + 1;
      }
      return counts;
    });
    return { features };
  },
  hasSparse: true,
  quality: { metric: "train:pwll", tolerance: 1e-3 },
});
