import { defineAlgorithm } from "../job/algorithm.ts";
import { ldaDefinition } from "./definition.ts";
import { fit } from "./fit.ts";
import { load } from "./predict.ts";

/** Latent Dirichlet allocation by tensor decomposition, polished by expectation maximisation. */
export const lda = defineAlgorithm(ldaDefinition, {
  title: "LDA",
  response: { wrapper: "predictions", defaultAccept: "application/json" },
  fit,
  load,
});
