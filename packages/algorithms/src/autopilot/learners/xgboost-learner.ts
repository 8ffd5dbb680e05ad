import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Booster } from "../../xgboost/library/booster.ts";
import { XGBoostLibrary } from "../../xgboost/library/library.ts";
import { Matrix } from "../../xgboost/library/matrix.ts";
import { modelFile, saveModel } from "../../xgboost/model-file.ts";
import { openModel } from "../../xgboost/serving/open-model.ts";
import type { Problem } from "../problem.ts";
import type { Labelled, Learner, LearnerJob } from "./learner.ts";

/** Rounds without improvement of the watched rows after which boosting ends. */
const patience = 40;

/** Settings that are told to the library as they are. */
const passed = [
  ...["eta", "max_depth", "min_child_weight", "subsample", "colsample_bytree", "colsample_bynode", "lambda", "alpha"],
  ...["gamma", "max_bin", "num_parallel_tree", "max_leaves"],
];

/**
 * Numbers that a thread of its own is worth. A tree has dozens of short steps that all threads end together: on a few
 * thousand rows, where other candidates want the same cores, two threads took forty times as long as one.
 */
const numbersPerThread = 500_000;

const boostingDefaults = { num_round: 800, eta: 0.08, max_depth: 6, subsample: 0.9, colsample_bytree: 0.9 };

/** Gradient boosting that stops where the watched rows stop to improve. */
export const xgboostLearner: Learner = {
  name: "xgboost",
  fit: (job) => fit(job, { ...boostingDefaults, ...job.settings }),
  load,
};

const forestDefaults = {
  ...{ num_round: 1, eta: 1, num_parallel_tree: 200, max_depth: 14, min_child_weight: 2 },
  ...{ subsample: 0.8, colsample_bynode: 0.5, lambda: 0.01 },
};

/** A random forest: one round of many trees side by side, as XGBoost makes them. */
export const randomForestLearner: Learner = {
  name: "randomforest",
  fit: (job) => fit(job, { ...forestDefaults, ...job.settings }),
  load,
};

async function fit(job: LearnerJob, settings: Readonly<Record<string, number>>): Promise<void> {
  const { train, watched, signal, seed } = job;
  const threads = threadsOf(job);
  if (job.library === undefined) throw new Error("The run does not say where XGBoost's library is.");
  const library = new XGBoostLibrary(job.library);
  using trainMatrix = matrixOf(library, train, threads);
  using watchedMatrix = matrixOf(library, watched, threads);
  using booster = Booster.create(library, [trainMatrix, watchedMatrix]);
  const parameters: Record<string, string | number> = {
    ...objectiveOf(job),
    nthread: threads,
    seed,
    tree_method: "hist",
  };
  for (const name of passed) if (settings[name] !== undefined) parameters[name] = settings[name];
  for (const [name, value] of Object.entries(parameters)) booster.set(name, String(value));
  const rounds = settings.num_round as number;
  let best = { round: 0, loss: Number.POSITIVE_INFINITY };
  let round = 0;
  for (; round < rounds && round - best.round < patience; round++) {
    await setImmediate(); // a signal to stop is heard between rounds
    if (signal.aborted) break;
    booster.update(round, trainMatrix);
    const [[, loss] = ["", Number.NaN]] = booster.evaluate(round, [{ name: "watched", matrix: watchedMatrix }]);
    if (loss < best.loss || round === 0) best = { round, loss };
  }
  if (round === 0) signal.throwIfAborted();
  using kept = booster.firstRounds(best.round + 1);
  saveModel(library, kept, join(job.directory, modelFile));
}

function threadsOf({ train: { rows }, cpus }: LearnerJob): number {
  return Math.max(1, Math.min(cpus, Math.floor((rows.count * rows.width) / numbersPerThread)));
}

function matrixOf(library: XGBoostLibrary, { rows, labels }: Labelled, threads: number): Matrix {
  const matrix = Matrix.of(library, rows, threads);
  matrix.describe({ labels });
  return matrix;
}

function objectiveOf({ problem, objective }: LearnerJob): Record<string, string | number> {
  switch (problem.type) {
    case "BinaryClassification":
      return { objective: "binary:logistic", eval_metric: "logloss" };
    case "MulticlassClassification":
      return { objective: "multi:softprob", num_class: problem.classes.length, eval_metric: "mlogloss" };
    case "Regression":
      return objective === "MAE"
        ? { objective: "reg:absoluteerror", eval_metric: "mae" }
        : { objective: "reg:squarederror", eval_metric: "rmse" };
  }
}

async function load(directory: string, _problem: Problem, library: string | undefined) {
  const { scorer } = openModel(join(directory, modelFile), modelFile, library);
  return {
    predict: (rows: Labelled["rows"]) => Float64Array.from(scorer.predict(rows, "value")),
  };
}
