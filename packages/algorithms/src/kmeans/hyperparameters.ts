import { bool, categorical, float, int, list, type Parsed } from "../job/hyperparameters.ts";

const auto = ["auto"] as const;
const starts = ["random", "kmeans++"] as const;

/** The hyperparameters of k-means, in the order of the service's reference. */
export const hyperparameters = {
  feature_dim: int({ required: true, min: 1, doc: "Features per row." }),
  k: int({ required: true, min: 1, doc: "Number of clusters." }),
  epochs: int({
    min: 1,
    default: 1,
    tunable: { type: "Integer", min: 1, max: 10 },
    doc: "Passes over the training data.",
  }),
  eval_metrics: list({
    words: ["msd", "ssd"],
    default: ["msd"],
    doc: "What is reported of the test channel: the mean, or the sum, of squared distances to the nearest centre.",
  }),
  extra_center_factor: int({
    min: 1,
    words: auto,
    default: "auto",
    tunable: { type: "Integer", min: 4, max: 10 },
    doc: "Centres per cluster while rows stream by; auto is 10 up to 40 clusters, 4 from 100 on, 400 / k between.",
  }),
  half_life_time_size: int({
    min: 0,
    default: 0,
    doc: "Rows after which a row weighs half as much as a new one; 0 for no decay.",
  }),
  init_method: categorical({
    words: starts,
    default: "random",
    tunable: { type: "Categorical", values: ["kmeans++", "random"] },
    doc: "How the first centres are chosen from the first mini-batch.",
  }),
  local_lloyd_init_method: categorical({
    words: starts,
    default: "kmeans++",
    doc: "How the runs that shrink the centres to k begin.",
  }),
  local_lloyd_max_iter: int({ min: 1, default: 300, doc: "Most iterations of such a run." }),
  local_lloyd_num_trials: int({
    min: 1,
    words: auto,
    default: "auto",
    doc: "How many such runs there are, of which the best is kept; auto is 10.",
  }),
  local_lloyd_tol: float({
    min: 0,
    max: 1,
    default: 0.0001,
    doc: "Such a run ends when its mean squared distance falls by a smaller share than this.",
  }),
  mini_batch_size: int({
    min: 1,
    default: 5000,
    tunable: { type: "Integer", min: 3000, max: 15000 },
    doc: "Rows per update of the centres.",
  }),
  force_dense: bool({ default: true, doc: "Has no effect: sparse rows are always filled up with zeros." }),
};

export type KMeansHyperparameters = Parsed<typeof hyperparameters>;
