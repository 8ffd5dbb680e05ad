import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { AlgorithmBench } from "./algorithms/algorithm-bench.ts";
import { factorizationMachines } from "./algorithms/factorization-machines.ts";
import { ipInsights } from "./algorithms/ipinsights.ts";
import { kmeans } from "./algorithms/kmeans.ts";
import { knn } from "./algorithms/knn.ts";
import { lda } from "./algorithms/lda.ts";
import { pca } from "./algorithms/pca.ts";
import { randomCutForest } from "./algorithms/randomcutforest.ts";
import { xgboost } from "./algorithms/xgboost.ts";
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

// Strict: a misspelt option would otherwise be a run of the whole size.
const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "3" }, rows: { type: "string", default: "1000000" } },
});
const unknown = names.find((name) => !benches.some((bench) => bench.name === name));
if (unknown !== undefined) {
  process.stderr.write(`There is no ${unknown}; there are ${benches.map(({ name }) => name).join(", ")}.\n`);
  process.exit(2);
}
const size = { repeats: countOf("rounds"), rows: countOf("rows") };
const work = mkdtempSync(join(tmpdir(), "sagebrush-algorithms-"));
try {
  const options = { work, ...size };
  const figures = [];
  for (const bench of benches) {
    if (names.length === 0 || names.includes(bench.name)) figures.push(...(await bench.measure(options)));
  }
  report("algorithms", figures);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function countOf(name: keyof typeof values): number {
  const count = Number(values[name]);
  if (Number.isInteger(count) && count > 0) return count;
  process.stderr.write(`--${name} must be a whole number from 1 on, not ${values[name]}.\n`);
  process.exit(2);
}
