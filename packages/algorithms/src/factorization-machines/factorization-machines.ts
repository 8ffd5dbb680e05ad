import { defineAlgorithm } from "../job/algorithm.ts";
import { factorizationMachinesDefinition } from "./definition.ts";
import { fit } from "./fit.ts";
import { load } from "./predict.ts";

/** Factorization machines (Rendle 2010): a linear model and a factor vector for each feature, for pairs of sparse features. */
export const factorizationMachines = defineAlgorithm(factorizationMachinesDefinition, {
  title: "factorization-machines",
  response: { wrapper: "predictions", defaultAccept: "application/json" },
  requestTypes: ["application/json", "application/jsonlines", "application/x-recordio-protobuf"],
  fit,
  load,
});
