import { float, int, type Parsed } from "../job/hyperparameters.ts";

/** The hyperparameters of IP Insights, in the order of the service's reference. */
export const hyperparameters = {
  num_entity_vectors: int({
    required: true,
    min: 1,
    max: 250_000_000,
    tunable: { type: "Integer", min: 10_000, max: 1_000_000 },
    doc: "Vectors that entities share by their hash; twice as many as there are entities leave few of them sharing one.",
  }),
  vector_dim: int({
    required: true,
    min: 4,
    max: 4096,
    tunable: { type: "Integer", min: 8, max: 256 },
    doc: "Numbers in the vector of an entity and of an address.",
  }),
  batch_metrics_publish_interval: int({
    min: 1,
    default: 1000,
    doc: "Mini-batches between two reports of speed, loss and accuracy.",
  }),
  epochs: int({
    min: 1,
    default: 10,
    tunable: { type: "Integer", min: 1, max: 100 },
    doc: "Passes over the training data.",
  }),
  learning_rate: float({
    min: 1e-6,
    max: 10,
    default: 0.001,
    tunable: { type: "Continuous", min: 0.0001, max: 0.1 },
    doc: "Step size of Adam.",
  }),
  mini_batch_size: int({
    min: 1,
    max: 500_000,
    default: 10_000,
    tunable: { type: "Integer", min: 100, max: 50_000 },
    doc: "Rows per step; shuffled addresses come from the same mini-batch.",
  }),
  num_ip_encoder_layers: int({
    min: 0,
    max: 100,
    default: 1,
    tunable: { type: "Integer", min: 1, max: 10 },
    doc: "Fully connected layers after the one that takes an address's bits.",
  }),
  random_negative_sampling_rate: int({
    min: 0,
    max: 500,
    default: 1,
    tunable: { type: "Integer", min: 0, max: 10 },
    doc: "Random addresses that each row is told from.",
  }),
  shuffled_negative_sampling_rate: int({
    min: 0,
    max: 500,
    default: 1,
    tunable: { type: "Integer", min: 0, max: 10 },
    doc: "Addresses of other rows of the mini-batch that each row is told from.",
  }),
  weight_decay: float({
    min: 0,
    max: 10,
    default: 0.00001,
    tunable: { type: "Continuous", min: 0, max: 1 },
    doc: "L2 regularization of vectors and weights.",
  }),
};

export type IpInsightsHyperparameters = Parsed<typeof hyperparameters>;
