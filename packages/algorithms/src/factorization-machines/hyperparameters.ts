import { categorical, float, int, type Parsed } from "../job/hyperparameters.ts";

/** The range that the service recommends for every number of an initialisation, rate or decay. */
const tunable = { type: "Continuous", min: 1e-8, max: 512 } as const;
const methods = ["uniform", "normal", "constant"] as const;

/** The hyperparameters of factorization machines, in the order of the service's reference. */
export const hyperparameters = {
  feature_dim: int({ required: true, min: 1, doc: "Features per row." }),
  num_factors: int({ required: true, min: 1, doc: "Length of the vector that each feature has for its interactions." }),
  predictor_type: categorical({
    required: true,
    words: ["binary_classifier", "regressor"],
    doc: "What is predicted: the probability of label 1, or a number.",
  }),
  epochs: int({
    min: 1,
    default: 1,
    tunable: { type: "Integer", min: 1, max: 1000 },
    doc: "Passes over the training data.",
  }),
  mini_batch_size: int({
    min: 1,
    default: 1000,
    tunable: { type: "Integer", min: 100, max: 10_000 },
    doc: "Rows per step of the optimiser.",
  }),
  bias_init_method: categorical({ words: methods, default: "normal", doc: "How the bias begins." }),
  bias_init_scale: float({ min: 0, tunable, doc: "Method uniform: it begins in [-scale, scale]; 0.07 when absent." }),
  bias_init_sigma: float({ min: 0, default: 0.01, tunable, doc: "Method normal: standard deviation around 0." }),
  bias_init_value: float({ tunable, doc: "Method constant: the value; 0 when absent." }),
  bias_lr: float({ min: 0, default: 0.1, tunable, doc: "Learning rate of the bias." }),
  bias_wd: float({ min: 0, default: 0.01, tunable, doc: "Weight decay of the bias." }),
  linear_init_method: categorical({ words: methods, default: "normal", doc: "How the linear weights begin." }),
  linear_init_scale: float({
    min: 0,
    tunable,
    doc: "Method uniform: they begin in [-scale, scale]; 0.07 when absent.",
  }),
  linear_init_sigma: float({ min: 0, default: 0.01, tunable, doc: "Method normal: standard deviation around 0." }),
  linear_init_value: float({ tunable, doc: "Method constant: the value of all; 0 when absent." }),
  linear_lr: float({ min: 0, default: 0.001, tunable, doc: "Learning rate of the linear weights." }),
  linear_wd: float({ min: 0, default: 0.001, tunable, doc: "Weight decay of the linear weights." }),
  factors_init_method: categorical({ words: methods, default: "normal", doc: "How the factors begin." }),
  factors_init_scale: float({
    min: 0,
    tunable,
    doc: "Method uniform: they begin in [-scale, scale]; 0.07 when absent.",
  }),
  factors_init_sigma: float({ min: 0, default: 0.001, tunable, doc: "Method normal: standard deviation around 0." }),
  factors_init_value: float({
    tunable,
    doc: "Method constant: the value of all, which then stay alike; 0 when absent, and they stay 0.",
  }),
  factors_lr: float({ min: 0, default: 0.0001, tunable, doc: "Learning rate of the factors." }),
  factors_wd: float({ min: 0, default: 0.00001, tunable, doc: "Weight decay of the factors." }),
  clip_gradient: float({ doc: "Gradients are cut to [-c, c]; not when absent or negative." }),
  eps: float({ min: 0, doc: "What the optimiser adds to the divisor of each step; 1e-8 when absent." }),
  rescale_grad: float({
    doc: "What the gradients, summed over a mini-batch, are multiplied by; 1 / its rows when absent.",
  }),
};

export type FactorizationHyperparameters = Parsed<typeof hyperparameters>;
