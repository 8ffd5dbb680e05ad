import { defineAlgorithm } from "../job/algorithm.ts";
import { randomCutForestDefinition } from "./definition.ts";
import { fit } from "./fit.ts";
import { load } from "./predict.ts";

/** Random cut forests: how much a row would change trees of random cuts says how odd it is. */
export const randomCutForest = defineAlgorithm(randomCutForestDefinition, {
  title: "RandomCutForest",
  response: { wrapper: "scores", defaultAccept: "application/json" },
  fit,
  load,
});
