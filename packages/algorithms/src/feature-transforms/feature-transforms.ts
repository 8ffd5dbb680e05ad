import { defineAlgorithm } from "../job/algorithm.ts";
import { featureTransformsDefinition } from "./definition.ts";
import { fit } from "./fit.ts";
import { load } from "./load.ts";

/** Fits feature transforms on rows, and answers rows with what the transforms make of them. */
export const featureTransforms = defineAlgorithm(featureTransformsDefinition, {
  title: "FeatureTransforms",
  response: { wrapper: "instances", defaultAccept: "text/csv" },
  fit,
  load,
});
