import { defineAlgorithm } from "../job/algorithm.ts";
import { linearLearnerDefinition } from "./definition.ts";
import { fit } from "./fit.ts";
import { load } from "./predict.ts";

/** The linear learner: many linear models trained in one pass, the best of them kept. */
export const linearLearner = defineAlgorithm(linearLearnerDefinition, {
  title: "Linear Learner",
  response: { wrapper: "predictions", defaultAccept: "application/json" },
  fit,
  load,
});
