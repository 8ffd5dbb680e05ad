import type { AlgorithmDefinition } from "./definition.ts";
import { factorizationMachinesDefinition } from "./factorization-machines/definition.ts";
import { ipInsightsDefinition } from "./ipinsights/definition.ts";
import { kmeansDefinition } from "./kmeans/definition.ts";

import { knnDefinition } from "./knn/definition.ts";

import { ldaDefinition } from "./lda/definition.ts";

import { linearLearnerDefinition } from "./linear-learner/definition.ts";
import { pcaDefinition } from "./pca/definition.ts";
import { randomCutForestDefinition } from "./randomcutforest/definition.ts";
import { xgboostDefinition } from "./xgboost/definition.ts";

export type { AlgorithmDefinition } from "./definition.ts";
export { parseHyperparameters } from "./job/hyperparameters.ts";

/**
 * What the platform knows of every built-in algorithm: names, channels, hyperparameters, metrics. Data only; nothing
 * here loads an algorithm's code.
 */
export const algorithmDefinitions: readonly AlgorithmDefinition[] = [
  factorizationMachinesDefinition,
  ipInsightsDefinition,
  kmeansDefinition,
  knnDefinition,
  ldaDefinition,
  linearLearnerDefinition,
  randomCutForestDefinition,
  pcaDefinition,
  xgboostDefinition,
];
