import { CustomerError } from "../job/errors.ts";
import { schemaWording } from "../job/hyperparameters.ts";
import type { JobLog } from "../job/job-log.ts";
import { type KnnHyperparameters, partCounts } from "./hyperparameters.ts";

/** Which index is built. */
export type IndexPlan =
  | { readonly type: "faiss.Flat" }
  | { readonly type: "faiss.IVFFlat"; readonly lists: number | "auto"; readonly probes: number }
  | { readonly type: "faiss.IVFPQ"; readonly lists: number | "auto"; readonly probes: number; readonly parts: number };

/** How rows lose features. */
export interface ReductionPlan {
  readonly type: "sign" | "fjlt";
  readonly target: number;
}

/** What the hyperparameters come to together. */
export interface Settings {
  readonly reduction: ReductionPlan | undefined;
  readonly index: IndexPlan;
}

/**
 * Checks what no single hyperparameter can say, all faults at once.
 * @throws CustomerError naming the parameters that contradict each other.
 */
export function settingsOf(given: KnnHyperparameters, log: JobLog): Settings {
  const faults = [...contradictions(given)];
  if (faults.length > 0) throw new CustomerError(schemaWording.message(faults));
  for (const name of ineffective(given)) log.warning(`Hyperparameter '${name}' has no effect beside the others.`);
  const { dimension_reduction_type: type, dimension_reduction_target: target } = given;
  return {
    reduction: type === undefined || target === undefined ? undefined : { type, target },
    index: planOf(given),
  };
}

/**
 * The same of the width, which may be known only when rows come.
 * @throws CustomerError when the target of the reduction is not below it.
 */
export function checkTarget({ reduction }: Settings, width: number): void {
  if (reduction === undefined || reduction.target < width) return;
  throw new CustomerError(
    schemaWording.message([
      `hyperparameter 'dimension_reduction_target' must be less than the ${width} features of a row, got ${reduction.target}`,
    ]),
  );
}

function* contradictions(given: KnnHyperparameters): Generator<string> {
  const { k, sample_size, index_type, index_metric, faiss_index_pq_m: parts } = given;
  if (sample_size < k) {
    yield `hyperparameter 'sample_size' must be at least the ${k} neighbours that 'k' asks for, got ${sample_size}`;
  }
  const { dimension_reduction_type: type, dimension_reduction_target: target } = given;
  if (type !== undefined && target === undefined) {
    yield `'dimension_reduction_target' is a required property with dimension_reduction_type '${type}'`;
  }
  if (parts !== undefined && !(partCounts as readonly number[]).includes(parts)) {
    yield `hyperparameter 'faiss_index_pq_m' must be one of ${partCounts.join(", ")}, got ${parts}`;
  }
  if (index_type !== "faiss.IVFPQ") return;
  if (parts === undefined) yield `'faiss_index_pq_m' is a required property with index_type 'faiss.IVFPQ'`;
  if (index_metric !== "L2") {
    yield `hyperparameter 'index_metric' must be 'L2' with index_type 'faiss.IVFPQ', got '${index_metric}'`;
  }
}

function* ineffective(given: KnnHyperparameters): Generator<string> {
  const { dimension_reduction_type: type, dimension_reduction_target: target, index_type } = given;
  if (type === undefined && target !== undefined) yield "dimension_reduction_target";
  if (index_type === "faiss.Flat" && given.faiss_index_ivf_nlists !== "auto") yield "faiss_index_ivf_nlists";
  if (index_type !== "faiss.IVFPQ" && given.faiss_index_pq_m !== undefined) yield "faiss_index_pq_m";
}

function planOf(given: KnnHyperparameters): IndexPlan {
  const { index_type: type, faiss_index_ivf_nlists: lists, _faiss_index_nprobe: probes } = given;
  switch (type) {
    case "faiss.Flat":
      return { type };
    case "faiss.IVFFlat":
      return { type, lists, probes };
    case "faiss.IVFPQ":
      return { type, lists, probes, parts: given.faiss_index_pq_m as number }; // required, which was checked
  }
}
