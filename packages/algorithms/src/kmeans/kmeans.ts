import { defineAlgorithm } from "../job/algorithm.ts";
import { kmeansDefinition } from "./definition.ts";
import { fit } from "./fit.ts";
import { load } from "./predict.ts";

/** Web-scale k-means: more centres than clusters while rows stream by, shrunk to k at the end. */
export const kmeans = defineAlgorithm(kmeansDefinition, {
  title: "AWS/KMeansWebscale",
  response: { wrapper: "predictions", defaultAccept: "application/json" },
  fit,
  load,
});
