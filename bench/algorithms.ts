import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AlgorithmBench } from "./algorithms/algorithm-bench.ts";
import { factorizationMachines } from "./algorithms/factorization-machines.ts";
import { ipInsights } from "./algorithms/ipinsights.ts";
import { kmeans } from "./algorithms/kmeans.ts";
import { knn } from "./algorithms/knn.ts";
import { lda } from "./algorithms/lda.ts";
import { pca } from "./algorithms/pca.ts";
import { randomCutForest } from "./algorithms/randomcutforest.ts";
import { xgboost } from "./algorithms/xgboost.ts";
import { askedFor } from "./support/bench-options.ts";
import { report } from "./support/report.ts";

/**
 * Built-in algorithms against the best library for the same work, on the same data and cores, in the same run. To add one:
 * its file in algorithms/ and its line here. `-- NAME --rounds 3 --rows 100000` run one, and make it smaller.
 */
const benches: readonly AlgorithmBench[] = [
  factorizationMachines,
  ipInsights,
  kmeans,
  knn,
  lda,
  pca,
  randomCutForest,
  xgboost,
];

const { names, rounds: repeats, rows } = askedFor(benches.map(({ name }) => name));
const work = mkdtempSync(join(tmpdir(), "sagebrush-algorithms-"));
try {
  const options = { work, repeats, rows };
  const figures = [];
  for (const bench of benches) {
    if (names.length === 0 || names.includes(bench.name)) figures.push(...(await bench.measure(options)));
  }
  report("algorithms", figures);
} finally {
  rmSync(work, { recursive: true, force: true });
}
