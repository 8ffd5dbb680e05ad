import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { reference } from "./fixtures/reference.ts";
import { Booster } from "./library/booster.ts";
import { XGBoostLibrary } from "./library/library.ts";
import { Matrix } from "./library/matrix.ts";
import { objectives } from "./objectives.ts";
import { testLibrary, XGBoostJob } from "./testkit/xgboost-job.ts";

const { rounds, seed, groups, rows, probes, labels, cases } = reference;

let library: XGBoostLibrary;
beforeAll(() => {
  library = new XGBoostLibrary(testLibrary());
}, 300_000);

/** The rows as libsvm, which is the format that has queries. */
function libsvmOf(label: string): string {
  const queries = groups.flatMap((count, query) => Array.from({ length: count }, () => query));
  return rows
    .map((row, i) => `${labels[label]?.[i]} qid:${queries[i]} ${row.map((value, j) => `${j}:${value}`).join(" ")}\n`)
    .join("");
}

const csvOf = (label: string) => rows.map((row, i) => `${[labels[label]?.[i], ...row].join(",")}\n`).join("");

test("every objective has a case", () => {
  const covered = new Set(Object.values(cases).map(({ hyperparameters }) => hyperparameters.objective));
  // reg:linear is the old name of reg:squarederror.
  expect(objectives.filter((objective) => objective !== "reg:linear" && !covered.has(objective))).toEqual([]);
});

// The same library, table, settings and seed: what is left is the order of additions on another processor.
test.for(Object.entries(cases))(
  "%s: what Python's xgboost learns",
  async ([, { label, hyperparameters, predictions }]) => {
    const isRanking = hyperparameters.objective?.startsWith("rank:") === true;
    using job = new XGBoostJob({
      files: { "train/rows": isRanking ? libsvmOf(label) : csvOf(label) },
      contentType: isRanking ? "text/libsvm" : "text/csv",
      hyperparameters: { max_depth: "3", seed: String(seed), num_round: String(rounds), ...hyperparameters },
    });
    using program = job.train();
    expect(await program.ended(), program.output).toBe(0);
    using booster = Booster.create(library);
    booster.load(join(job.root, "model/xgboost-model"));
    const features = {
      kind: "dense",
      count: probes.length,
      width: probes[0]?.length ?? 0,
      values: Float32Array.from(probes.flat()),
    } as const;
    using matrix = Matrix.of(library, features, 1);
    const ours = [...booster.predict(matrix, "value")];
    expect(ours).toHaveLength(predictions.length);
    ours.forEach((value, i) => {
      const wanted = predictions[i] as number;
      expect(Math.abs(value - wanted)).toBeLessThan(1e-5 * Math.max(1, Math.abs(wanted)));
    });
  },
);
