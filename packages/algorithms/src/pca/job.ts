import type { TrainingContext } from "../job/algorithm.ts";
import type { Channel, StreamOptions } from "../job/channels.ts";
import type { PcaHyperparameters } from "./hyperparameters.ts";

/** A training job of PCA. */
export type Job = TrainingContext<PcaHyperparameters>;

/** How rows of a channel are read. Plain `text/csv` has a label in its first column, as on the service. */
export function streamOptions({ contentType }: Channel, feature_dim: number, isOnePass: boolean): StreamOptions {
  const labelWidth = contentType?.type === "text/csv" ? 1 : 0; // where it has no label_size
  return { labelWidth, defaultContentType: "text/csv", featureDim: feature_dim, isDense: true, isOnePass };
}
