import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandLineReference } from "./generate/command-line.ts";
import { configurationReference } from "./generate/configuration.ts";
import { coverageReference, coverageSummary } from "./generate/coverage.ts";
import { hyperparameterReference } from "./generate/hyperparameters.ts";
import { limitsReference } from "./generate/limits.ts";
import { root } from "./setup.mjs";

/** Writes every page that is derived from the code; with --check, says which are not current instead. */
const pages: Readonly<Record<string, (current: string) => Promise<string>>> = {
  "docs/reference/coverage.md": () => coverageReference(),
  "docs/reference/configuration.md": () => Promise.resolve(configurationReference()),
  "docs/reference/command-line.md": () => Promise.resolve(commandLineReference()),
  "docs/reference/limits.md": () => Promise.resolve(limitsReference()),
  "docs/reference/factorization-machines.md": () => hyperparameterReference("factorization-machines"),
  "docs/reference/feature-transforms.md": () => hyperparameterReference("feature-transforms"),
  "docs/reference/ipinsights.md": () => hyperparameterReference("ipinsights"),
  "docs/reference/kmeans.md": () => hyperparameterReference("kmeans"),
  "docs/reference/knn.md": () => hyperparameterReference("knn"),
  "docs/reference/lda.md": () => hyperparameterReference("lda"),
  "docs/reference/linear-learner.md": () => hyperparameterReference("linear-learner"),
  "docs/reference/randomcutforest.md": () => hyperparameterReference("randomcutforest"),
  "docs/reference/pca.md": () => hyperparameterReference("pca"),
  "docs/reference/xgboost.md": () => hyperparameterReference("xgboost"),
  "README.md": async (current) => between(current, "coverage", await coverageSummary()),
};

const check = process.argv.includes("--check");
const stale: string[] = [];
for (const [page, make] of Object.entries(pages)) {
  const file = join(root, page);
  const current = read(file);
  const wanted = await make(current);
  if (current === wanted) continue;
  stale.push(page);
  if (!check) writeFileSync(file, wanted);
}
if (stale.length > 0) process.stdout.write(`${check ? "Not current" : "Wrote"}: ${stale.join(", ")}\n`);
if (check && stale.length > 0) {
  process.stdout.write("Run `npm run generate` and commit the result.\n");
  process.exitCode = 1;
}

/** Replaces what stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`. */
function between(text: string, name: string, content: string): string {
  const pattern = new RegExp(`(<!-- ${name}: begin[^>]*-->\\n)[\\s\\S]*?(<!-- ${name}: end -->)`);
  if (!pattern.test(text)) throw new Error(`README.md has no place for ${name}.`);
  return text.replace(pattern, (_, begin: string, end: string) => `${begin}${content}${end}`);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
