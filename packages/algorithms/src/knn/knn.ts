import { defineAlgorithm } from "../job/algorithm.ts";
import { knnDefinition } from "./definition.ts";
import { fit } from "./fit.ts";
import { load } from "./predict.ts";

/** k-nearest neighbours: a sample of the rows, an index over it, and the labels of what a search finds. */
export const knn = defineAlgorithm(knnDefinition, {
  title: "AWS/KNN",
  response: { wrapper: "predictions", defaultAccept: "application/json" },
  fit,
  load,
});
