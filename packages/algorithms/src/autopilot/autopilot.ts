import { defineAlgorithm, type TrainingContext } from "../job/algorithm.ts";
import { autopilotDefinition } from "./definition.ts";
import type { AutopilotHyperparameters } from "./hyperparameters.ts";
import { load } from "./serving/load.ts";

type Stage = (job: TrainingContext<AutopilotHyperparameters>) => Promise<void>;

/** Loaded as they are needed: the analysis has no use for XGBoost. */
const stages: Readonly<Record<AutopilotHyperparameters["stage"], () => Promise<Stage>>> = {
  analyze: async () => (await import("./stages/analyze.ts")).analyze,
  ensemble: async () => (await import("./stages/train-ensemble.ts")).trainEnsemble,
  features: async () => (await import("./stages/fit-features.ts")).fitFeaturesStage,
  model: async () => (await import("./stages/train-model.ts")).trainModel,
  report: async () => (await import("./stages/report.ts")).report,
};

/** The parts of Autopilot's jobs that touch data, and the models that come of them. */
export const autopilot = defineAlgorithm(autopilotDefinition, {
  title: "Autopilot",
  response: { wrapper: "predictions", defaultAccept: "text/csv" },
  fit: async (job) => (await stages[job.hyperparameters.stage]())(job),
  load,
});
