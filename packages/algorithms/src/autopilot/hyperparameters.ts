import { categorical, float, int, type Parsed, text } from "../job/hyperparameters.ts";
import { learnerNames } from "./learners/learner.ts";
import { metricNames } from "./metrics/metric-names.ts";
import { problemTypes } from "./problem.ts";

/** What the platform asks of the program; nobody else writes these. */
export const hyperparameters = {
  stage: categorical({
    required: true,
    words: ["analyze", "ensemble", "features", "model", "report"],
    doc: "Which part of an Autopilot job this is.",
  }),
  target: text({ doc: "analyze: the column that is predicted." }),
  problem_type: categorical({ words: [...problemTypes, "Auto"], default: "Auto", doc: "analyze: what is predicted." }),
  objective: categorical({
    words: [...metricNames, "Auto"],
    default: "Auto",
    doc: "analyze, model: what candidates are judged by.",
  }),
  mode: categorical({
    words: ["AUTO", "ENSEMBLING", "HYPERPARAMETER_TUNING"],
    default: "AUTO",
    doc: "analyze: how candidates are made.",
  }),
  algorithms: text({ default: learnerNames.join(","), doc: "analyze: what candidates may be made of." }),
  validation_fraction: float({
    above: 0,
    below: 1,
    default: 0.2,
    doc: "analyze: part of the rows that candidates are judged by, where they have no channel.",
  }),
  max_candidates: int({ min: 1, max: 750, words: ["Auto"], default: "Auto", doc: "analyze: candidates at most." }),
  job_name: text({ default: "", doc: "analyze: the Autopilot job, for the notebooks." }),
  own_name: text({ default: "", doc: "analyze: the folder of the notebooks." }),
  image: text({ default: "", doc: "analyze: this program's image, for the notebooks." }),
  role: text({ default: "", doc: "analyze: the role of the jobs, for the notebooks." }),
  output: text({ default: "", doc: "analyze: S3 URI below which the job's results lie, for the notebooks." }),
  members: text({ default: "[]", doc: "ensemble: JSON of the models." }),
  pipeline: text({ default: "", doc: "features: which of the analysis." }),
  candidate: text({ default: "", doc: "report: the candidate's name." }),
  learner: categorical({ words: learnerNames, default: "xgboost", doc: "model: the algorithm." }),
  eta: float({ min: 0, max: 1, doc: "model: of xgboost.", tunable: { type: "Continuous", min: 0.01, max: 0.3 } }),
  max_depth: int({ min: 1, max: 30, doc: "model: of xgboost.", tunable: { type: "Integer", min: 2, max: 10 } }),
  min_child_weight: float({
    min: 0,
    doc: "model: of xgboost.",
    tunable: { type: "Continuous", min: 0.5, max: 20 },
  }),
  subsample: float({ above: 0, max: 1, doc: "model: of xgboost.", tunable: { type: "Continuous", min: 0.5, max: 1 } }),
  colsample_bytree: float({
    above: 0,
    max: 1,
    doc: "model: of xgboost.",
    tunable: { type: "Continuous", min: 0.4, max: 1 },
  }),
  lambda: float({ min: 0, doc: "model: of xgboost.", tunable: { type: "Continuous", min: 0.01, max: 20 } }),
  learning_rate: float({
    above: 0,
    doc: "model: of linear-learner.",
    tunable: { type: "Continuous", min: 0.0005, max: 0.1 },
  }),
  l1: float({ min: 0, doc: "model: of linear-learner.", tunable: { type: "Continuous", min: 1e-6, max: 0.1 } }),
  wd: float({ min: 0, doc: "model: of linear-learner.", tunable: { type: "Continuous", min: 1e-6, max: 0.1 } }),
};

export type AutopilotHyperparameters = Parsed<typeof hyperparameters>;
