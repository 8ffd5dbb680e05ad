import { float, int, type Parsed } from "../job/hyperparameters.ts";

/** The hyperparameters of LDA, in the order of the service's reference. */
export const hyperparameters = {
  num_topics: int({
    required: true,
    min: 1,
    tunable: { type: "Integer", min: 1, max: 150 },
    doc: "Number of topics, up to feature_dim.",
  }),
  feature_dim: int({ required: true, min: 1, doc: "Size of the vocabulary: features per row." }),
  mini_batch_size: int({
    required: true,
    min: 1,
    doc: "Number of documents in the training channel. All are used whatever it says; another number is told in the log.",
  }),
  alpha0: float({
    above: 0,
    default: 1,
    tunable: { type: "Continuous", min: 0.1, max: 10 },
    doc: "Sum of the Dirichlet parameters: small for documents of few topics each.",
  }),
  max_restarts: int({ min: 1, default: 10, doc: "Most random starts of the tensor decomposition." }),
  max_iterations: int({ min: 1, default: 1000, doc: "Most iterations of a start." }),
  tol: float({
    above: 0,
    default: 1e-8,
    doc: "A start ends when what it explains of the tensor changes by a smaller share than this.",
  }),
};

export type LdaHyperparameters = Parsed<typeof hyperparameters>;
