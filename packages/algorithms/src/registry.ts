import type { AlgorithmModule, ServableModule } from "./job/algorithm.ts";

/**
 * Every built-in algorithm's code by name, loaded when a job or an endpoint needs it. To add one: its folder, its line
 * here and its line in definitions.ts.
 */
export const registry: Readonly<Record<string, () => Promise<AlgorithmModule>>> = {
  autopilot: async () => (await import("./autopilot/autopilot.ts")).autopilot,
  "factorization-machines": async () =>
    (await import("./factorization-machines/factorization-machines.ts")).factorizationMachines,
  "feature-transforms": async () => (await import("./feature-transforms/feature-transforms.ts")).featureTransforms,
  ipinsights: async () => (await import("./ipinsights/ipinsights.ts")).ipInsights,
  kmeans: async () => (await import("./kmeans/kmeans.ts")).kmeans,
  knn: async () => (await import("./knn/knn.ts")).knn,
  lda: async () => (await import("./lda/lda.ts")).lda,
  "linear-learner": async () => (await import("./linear-learner/linear-learner.ts")).linearLearner,
  randomcutforest: async () => (await import("./randomcutforest/randomcutforest.ts")).randomCutForest,
  pca: async () => (await import("./pca/pca.ts")).pca,
  xgboost: async () => (await import("./xgboost/xgboost.ts")).xgboost,
};

/** What serves models that no algorithm here has trained. */
export const servers: Readonly<Record<string, () => Promise<ServableModule>>> = {
  onnx: async () => (await import("./onnx/onnx.ts")).onnx,
};
