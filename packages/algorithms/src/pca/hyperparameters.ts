import { bool, categorical, int, type Parsed } from "../job/hyperparameters.ts";

/** The hyperparameters of PCA, in the order of the service's reference. */
export const hyperparameters = {
  feature_dim: int({ required: true, min: 1, doc: "Features per row." }),
  mini_batch_size: int({
    required: true,
    min: 1,
    doc: "Rows per mini-batch. Has no effect on the model: what is summed up does not depend on the division of rows.",
  }),
  num_components: int({ required: true, min: 1, doc: "Principal components to compute, up to feature_dim." }),
  algorithm_mode: categorical({
    words: ["regular", "randomized"],
    default: "regular",
    doc: "Whether the whole scatter matrix is summed up, or a random sketch of it, for many features.",
  }),
  extra_components: int({
    min: -1,
    default: -1,
    doc: "Components by which the sketch is larger than what is kept, in randomized mode; -1 is the larger of 10 and num_components.",
  }),
  subtract_mean: bool({ default: true, doc: "Whether the mean is subtracted, in training and in inference." }),
};

export type PcaHyperparameters = Parsed<typeof hyperparameters>;
