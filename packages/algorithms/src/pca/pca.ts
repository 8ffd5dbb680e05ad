import { defineAlgorithm } from "../job/algorithm.ts";
import { pcaDefinition } from "./definition.ts";
import { fit } from "./fit.ts";
import { load } from "./predict.ts";

/** Principal component analysis in one pass: by the scatter matrix, or by a random sketch of it. */
export const pca = defineAlgorithm(pcaDefinition, {
  title: "PCA",
  response: { wrapper: "projections", defaultAccept: "application/json" },
  fit,
  load,
});
