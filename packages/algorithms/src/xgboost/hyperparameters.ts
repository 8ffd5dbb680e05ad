import { categorical, float, int, type Parsed, text } from "../job/hyperparameters.ts";
import { metricNames } from "./metrics.ts";
import { objectives } from "./objectives.ts";

const switches = ["0", "1"] as const;
const truths = ["true", "false"] as const;

/**
 * The fifty-three hyperparameters. Defaults are the library's own and differ by version: nothing is filled in here, and
 * only what a job gives reaches the library.
 */
export const hyperparameters = {
  num_round: int({
    required: true,
    min: 1,
    tunable: { type: "Integer", min: 1, max: 4000 },
    doc: "Rounds of boosting.",
  }),
  num_class: int({ min: 2, doc: "Number of classes; needed with multi:softmax and multi:softprob." }),
  alpha: float({
    min: 0,
    aliases: ["reg_alpha"],
    libraryDefault: "0",
    tunable: { type: "Continuous", min: 0, max: 1000 },
    doc: "L1 penalty of leaf weights. Also reg_alpha.",
  }),
  base_score: float({ min: 0, libraryDefault: "0.5; from 2.0 on estimated", doc: "First prediction of every row." }),
  booster: categorical({ words: ["gbtree", "gblinear", "dart"], libraryDefault: "gbtree", doc: "Kind of model." }),
  colsample_bylevel: float({
    above: 0,
    max: 1,
    libraryDefault: "1",
    tunable: { type: "Continuous", min: 0.1, max: 1 },
    doc: "Share of columns tried on each level of a tree.",
  }),
  colsample_bynode: float({
    above: 0,
    max: 1,
    libraryDefault: "1",
    tunable: { type: "Continuous", min: 0.1, max: 1 },
    doc: "Share of columns tried at each node.",
  }),
  colsample_bytree: float({
    above: 0,
    max: 1,
    libraryDefault: "1",
    tunable: { type: "Continuous", min: 0.5, max: 1 },
    doc: "Share of columns tried for each tree.",
  }),
  csv_weights: categorical({
    words: switches,
    libraryDefault: "0",
    doc: "1: the second column of CSV is the row's weight.",
  }),
  deterministic_histogram: categorical({ words: truths, libraryDefault: "true", doc: "Of GPUs; without effect here." }),
  dsplit: categorical({
    words: ["row", "col"],
    libraryDefault: "row",
    doc: "How data is divided between hosts; only row works.",
  }),
  early_stopping_rounds: int({
    min: 1,
    doc: "Rounds without improvement after which training ends; needs eval_metric.",
  }),
  eta: float({
    min: 0,
    max: 1,
    aliases: ["learning_rate"],
    libraryDefault: "0.3",
    tunable: { type: "Continuous", min: 0.1, max: 0.5 },
    doc: "Share of each tree's answer that is added. Also learning_rate.",
  }),
  eval_metric: text({ libraryDefault: "by objective", doc: "Metrics, with commas between them; needs objective." }),
  gamma: float({
    min: 0,
    aliases: ["min_split_loss"],
    libraryDefault: "0",
    tunable: { type: "Continuous", min: 0, max: 5 },
    doc: "Least gain of a split. Also min_split_loss.",
  }),
  grow_policy: categorical({
    words: ["depthwise", "lossguide"],
    libraryDefault: "depthwise",
    doc: "Which leaf is split next.",
  }),
  interaction_constraints: text({
    doc: "Columns (from 1) that may meet in a tree: [[1,2],[3,4]]; needs tree_method exact, hist or approx.",
  }),
  lambda: float({
    min: 0,
    aliases: ["reg_lambda"],
    libraryDefault: "1",
    tunable: { type: "Continuous", min: 0, max: 1000 },
    doc: "L2 penalty of leaf weights. Also reg_lambda.",
  }),
  lambda_bias: float({
    min: 0,
    max: 1,
    libraryDefault: "0",
    doc: "L2 penalty of gblinear's bias; ignored from 2.0 on.",
  }),
  max_bin: int({ min: 0, libraryDefault: "256", doc: "Bins of each column, for hist and approx." }),
  max_delta_step: float({
    min: 0,
    libraryDefault: "0",
    tunable: { type: "Integer", min: 0, max: 10 },
    doc: "Most that a leaf may add; 0 sets no limit.",
  }),
  max_depth: int({
    min: 0,
    libraryDefault: "6",
    tunable: { type: "Integer", min: 0, max: 10 },
    doc: "Deepest tree; 0 sets no limit.",
  }),
  max_leaves: int({ min: 0, libraryDefault: "0", doc: "Most leaves of a tree; 0 sets no limit." }),
  min_child_weight: float({
    min: 0,
    libraryDefault: "1",
    tunable: { type: "Continuous", min: 0, max: 120 },
    doc: "Least sum of second derivatives in a leaf.",
  }),
  monotone_constraints: text({
    doc: "One of -1, 0, 1 for each column, such as (1,0,-1); needs tree_method exact or hist.",
  }),
  normalize_type: categorical({ words: ["tree", "forest"], libraryDefault: "tree", doc: "How dart weighs new trees." }),
  nthread: int({
    min: 1,
    libraryDefault: "the cores of the instance",
    doc: "Threads; more than the cores are not used.",
  }),
  num_parallel_tree: int({ min: 1, libraryDefault: "1", doc: "Trees of each round." }),
  objective: categorical({ words: [...objectives], libraryDefault: "reg:squarederror", doc: "What is learned." }),
  one_drop: categorical({ words: switches, libraryDefault: "0", doc: "Whether dart drops at least one tree." }),
  predictor: categorical({
    words: ["auto", "cpu_predictor", "gpu_predictor"],
    libraryDefault: "auto",
    doc: "Where predictions are made: on the CPU here.",
  }),
  prob_buffer_row: float({ above: 1, doc: "Of a tree method that is gone; without effect." }),
  process_type: categorical({
    words: ["default", "update"],
    libraryDefault: "default",
    doc: "Whether trees are made or updated.",
  }),
  rate_drop: float({ min: 0, max: 1, libraryDefault: "0", doc: "Share of trees that dart drops." }),
  refresh_leaf: categorical({
    words: switches,
    libraryDefault: "1",
    doc: "Whether the updater refresh renews leaves, too.",
  }),
  sample_type: categorical({
    words: ["uniform", "weighted"],
    libraryDefault: "uniform",
    doc: "How dart chooses trees to drop.",
  }),
  sampling_method: categorical({
    words: ["uniform", "gradient_based"],
    libraryDefault: "uniform",
    doc: "How rows are sampled; gradient_based needs a GPU, which the library says.",
  }),
  save_model_on_termination: categorical({
    words: truths,
    libraryDefault: "false",
    doc: "true: the model is written after every round, so that a stop keeps the last one.",
  }),
  scale_pos_weight: float({ above: 0, libraryDefault: "1", doc: "Weight of positive rows." }),
  seed: int({ min: -2147483647, max: 2147483646, libraryDefault: "0", doc: "Seed of all sampling." }),
  skip_drop: float({ min: 0, max: 1, libraryDefault: "0", doc: "Chance that dart drops nothing in a round." }),
  sketch_eps: float({ above: 0, below: 1, libraryDefault: "0.03", doc: "Of approx before 2.0." }),
  subsample: float({
    above: 0,
    max: 1,
    libraryDefault: "1",
    tunable: { type: "Continuous", min: 0.5, max: 1 },
    doc: "Share of rows that each tree sees.",
  }),
  tree_method: categorical({
    words: ["auto", "exact", "approx", "hist", "gpu_hist"],
    libraryDefault: "auto: from 2.0 on hist, before it exact or approx",
    doc: "How splits are found; gpu_hist runs as hist on the CPU.",
  }),
  tweedie_variance_power: float({ above: 1, below: 2, libraryDefault: "1.5", doc: "Variance power of reg:tweedie." }),
  updater: text({
    libraryDefault: "by tree_method",
    doc: "Steps of a round, with commas between them: of grow_colmaker, distcol, grow_histmaker, grow_skmaker, sync, refresh, prune; for gblinear shotgun or coord_descent.",
  }),
  use_dask_gpu_training: categorical({
    words: truths,
    libraryDefault: "false",
    doc: "true: trains on the CPU here, and the log says so.",
  }),
  verbosity: int({ min: 0, max: 3, libraryDefault: "1", doc: "How much the library says of itself." }),
  aft_loss_distribution: categorical({
    words: ["normal", "logistic", "extreme"],
    libraryDefault: "normal",
    doc: "Distribution of survival:aft.",
  }),
  aft_loss_distribution_scale: float({ min: 0, libraryDefault: "1", doc: "Scale of survival:aft's distribution." }),
  _tuning_objective_metric: categorical({
    words: metricNames.map((name) => `validation:${name}`),
    doc: "Set by tuning jobs: the metric that is tuned for.",
  }),
  _kfold: int({ min: 2, doc: "Parts for cross-validation." }),
  _num_cv_round: int({ min: 1, libraryDefault: "1", doc: "Times that cross-validation is repeated." }),
} as const;

/** The hyperparameters after parsing; those that a job did not give are undefined. */
export type XGBoostHyperparameters = Parsed<typeof hyperparameters>;
