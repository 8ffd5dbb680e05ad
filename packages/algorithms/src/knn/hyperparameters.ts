import { categorical, int, type Parsed } from "../job/hyperparameters.ts";

const auto = ["auto"] as const;

/** Numbers of parts that the service takes for codes of a product quantizer. */
export const partCounts = [1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96] as const;

/** The hyperparameters of k-nearest neighbours, in the order of the service's reference. */
export const hyperparameters = {
  feature_dim: int({
    min: 1,
    words: auto,
    default: "auto",
    doc: "Features per row; auto takes those of the first row.",
  }),
  k: int({
    required: true,
    min: 1,
    tunable: { type: "Integer", min: 1, max: 1024 },
    doc: "Number of nearest neighbours.",
  }),
  predictor_type: categorical({
    required: true,
    words: ["classifier", "regressor"],
    doc: "Whether the answer is the most frequent label of the neighbours or the mean of their labels.",
  }),
  sample_size: int({
    required: true,
    min: 1,
    tunable: { type: "Integer", min: 256, max: 20_000_000 },
    doc: "Rows of the training data that are kept, all of them as likely; they are what is searched.",
  }),
  dimension_reduction_type: categorical({
    words: ["sign", "fjlt"],
    doc: "Random projection of rows: by a matrix of random signs, or by a fast Johnson-Lindenstrauss transform.",
  }),
  dimension_reduction_target: int({
    min: 1,
    doc: "Features that rows have afterwards, fewer than feature_dim; required with dimension_reduction_type.",
  }),
  faiss_index_ivf_nlists: int({
    min: 1,
    words: auto,
    default: "auto",
    doc: "Lists of an inverted file; auto is the square root of the number of rows that are kept.",
  }),
  faiss_index_pq_m: int({
    min: 1,
    max: 96,
    doc: `Parts of a code, required with faiss.IVFPQ: one of ${partCounts.join(", ")}.`,
  }),
  index_metric: categorical({
    words: ["L2", "INNER_PRODUCT", "COSINE"],
    default: "L2",
    doc: "What makes rows near: Euclidean distance, a large product, or a small angle. faiss.IVFPQ takes L2 only.",
  }),
  index_type: categorical({
    words: ["faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ"],
    default: "faiss.Flat",
    doc: "Exact search, search in the nearest lists of an inverted file, or the same over compressed rows.",
  }),
  mini_batch_size: int({ min: 1, default: 5000, doc: "Rows that are counted as a mini-batch in the log." }),
  _faiss_index_nprobe: int({
    min: 1,
    default: 5,
    doc: "Lists of an inverted file that a search looks into. Internal to the service; the log names it there.",
  }),
};

export type KnnHyperparameters = Parsed<typeof hyperparameters>;
