import { bool, int, list, type Parsed } from "../job/hyperparameters.ts";

/** The hyperparameters of random cut forests, in the order of the service's reference. */
export const hyperparameters = {
  feature_dim: int({ required: true, min: 1, max: 10_000, doc: "Features per row." }),
  eval_metrics: list({
    words: ["accuracy", "precision_recall_fscore"],
    default: ["accuracy", "precision_recall_fscore"],
    doc: "What is reported of a test channel with labels.",
  }),
  num_samples_per_tree: int({
    min: 1,
    max: 2048,
    default: 256,
    tunable: { type: "Integer", min: 1, max: 2048 },
    doc: "Rows in each tree; its inverse should be near the share of anomalies.",
  }),
  num_trees: int({
    min: 50,
    max: 1000,
    default: 100,
    tunable: { type: "Integer", min: 50, max: 1000 },
    doc: "Trees; more of them make scores less noisy.",
  }),
  mini_batch_size: int({ min: 1, default: 1000, doc: "Has no effect: rows are sampled one by one." }),
  force_dense: bool({ default: true, doc: "Has no effect: sparse rows are always filled up with zeros." }),
};

export type ForestHyperparameters = Parsed<typeof hyperparameters>;
