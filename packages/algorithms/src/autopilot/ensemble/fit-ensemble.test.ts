import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createJobLog } from "../../job/job-log.ts";
import { temporaryDirectory } from "../../testkit/temporary-directory.ts";
import { profileColumn } from "../analysis/column-types.ts";
import { openEnsemble } from "../candidates/open-candidate.ts";
import { measure } from "../metrics/measure.ts";
import type { Problem } from "../problem.ts";
import { type EnsembleJob, fitEnsemble } from "./fit-ensemble.ts";
import { greedyWeights } from "./greedy-weights.ts";

const problem: Problem = { type: "BinaryClassification", target: "y", classes: ["no", "yes"] };

function job(changes: Partial<EnsembleJob> = {}): EnsembleJob {
  const rows = Array.from({ length: 300 }, (_, row) => ({
    x: (row * 37) % 101,
    town: ["Ulm", "Rom"][row % 2] as string,
  }));
  const labels = Float64Array.from(rows, ({ x, town }) => (x + (town === "Ulm" ? 30 : 0) > 65 ? 1 : 0));
  const table = {
    names: ["x", "town", "y"],
    count: rows.length,
    columns: [
      rows.map(({ x }) => String(x)),
      rows.map(({ town }) => town),
      [...labels].map((y) => ["no", "yes"][y] as string),
    ],
  };
  return {
    ...{ problem, objective: "AUC", train: { table, labels }, directory: temporaryDirectory(), seed: 1 },
    profiles: [0, 1].map((index) => profileColumn(table, index)),
    members: [{ learner: "linear-learner", settings: {} }],
    ...{ library: undefined, cpus: 1, memoryBytes: undefined, signal: new AbortController().signal },
    log: createJobLog({ host: "algo-1", title: "test", write: () => undefined }),
    ...changes,
  };
}

test("rows are judged by models that have not seen them, and what is written answers the same way", async () => {
  const wanted = job();
  const { ensemble, heldOut } = await fitEnsemble(wanted);
  expect(heldOut.labels).toHaveLength(300);
  expect(measure(problem, heldOut.labels, heldOut.answers).AUC).toBeGreaterThan(0.97);
  expect(ensemble.folds).toHaveLength(5);
  const kept = JSON.parse(JSON.stringify(ensemble)) as typeof ensemble;
  const artifact = { kind: "ensemble", problem, inputs: ["x", "town"], ensemble: kept } as const;
  const answer = await openEnsemble(artifact, wanted.directory, undefined);
  const scores = measure(problem, wanted.train.labels, answer(wanted.train.table));
  expect(scores.AUC).toBeGreaterThan(0.97);
});

test("models without weight are not kept", async () => {
  // So strong a penalty leaves a model that tells nothing.
  const useless = { learner: "linear-learner", settings: { l1: 1000, epochs: 1 } } as const;
  const wanted = job({ members: [{ learner: "linear-learner", settings: {} }, useless] });
  const { ensemble } = await fitEnsemble(wanted);
  expect(ensemble.members.map(({ weight }) => weight)).toEqual([1, 0]);
  expect(existsSync(join(wanted.directory, "model-0-0"))).toBe(true);
  expect(existsSync(join(wanted.directory, "model-1-0"))).toBe(false);
});

test("models that err in different rows are weighed together", () => {
  const labels = Float64Array.from([1, 1, 0, 0]);
  const answers = [Float64Array.from([0.9, 0.4, 0.1, 0.4]), Float64Array.from([0.4, 0.9, 0.4, 0.1])];
  const weights = greedyWeights(problem, "Accuracy", labels, [...answers, Float64Array.from([0, 0, 1, 1])]);
  expect(weights).toEqual([0.5, 0.5, 0]);
});
