import { defineAlgorithm } from "../job/algorithm.ts";
import { xgboostDefinition } from "./definition.ts";
import { fit } from "./fit.ts";
import { load } from "./serving/load.ts";

/** XGBoost: the library itself, behind the contract of the built-in algorithm. */
export const xgboost = defineAlgorithm(xgboostDefinition, {
  title: "XGBoost",
  response: { wrapper: "predictions", defaultAccept: "text/csv" },
  fit,
  load,
});
