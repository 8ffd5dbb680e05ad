import { dataFiles, dataFolder } from "./autopilot/data-files.ts";
import { autopilotDefinition } from "./autopilot/definition.ts";
import { learnerNames } from "./autopilot/learners/learner.ts";
import { isMinimised, metricsOf, objectivesOf } from "./autopilot/metrics/metric-names.ts";
import { problemTypes } from "./autopilot/problem.ts";
import type { AlgorithmDefinition } from "./definition.ts";
import { factorizationMachinesDefinition } from "./factorization-machines/definition.ts";
import { featureTransformsDefinition } from "./feature-transforms/definition.ts";
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
  autopilotDefinition,
  factorizationMachinesDefinition,
  featureTransformsDefinition,
  ipInsightsDefinition,
  kmeansDefinition,
  knnDefinition,
  ldaDefinition,
  linearLearnerDefinition,
  randomCutForestDefinition,
  pcaDefinition,
  xgboostDefinition,
];

/** What the platform and Autopilot's own program say to each other. */
export const autopilotContract = {
  definition: autopilotDefinition,
  problemTypes,
  learners: learnerNames,
  metricsOf,
  isMinimised,
  objectivesOf,
  /** Where the rows for candidates and `analysis.json` lie below a job's place in S3. */
  dataFolder,
  analysisFile: dataFiles.analysis,
} as const;

/** What the analysis leaves for the platform. */
export type { Analysis as AutopilotAnalysis } from "./autopilot/analysis/analysis.ts";
