import type { Settings } from "./settings.ts";
import { AUTO_MODELS, orAuto } from "./settings.ts";

/** What differs between the models that are trained side by side. */
export interface Candidate {
  readonly learningRate: number;
  readonly l1: number;
  readonly wd: number;
  readonly schedulerStep: number;
  readonly schedulerFactor: number;
  readonly schedulerMinimum: number;
  /** Weight of positive rows; 1 unless the predictor is a binary classifier. */
  readonly positiveWeight: number;
}

/** What is known of the data when candidates are made. */
export interface DataFacts {
  /** Updates of the weights over all epochs. */
  readonly updates: number;
  readonly positives: number;
  readonly negatives: number;
  /** Bytes that one model's weights, state and gradients take. */
  readonly modelBytes: number;
}

/** Most memory that parallel models may take before `auto` trains fewer of them. */
const MODELS_BUDGET = 512 * 1024 * 1024;

// Nearby values as multiples of model 0's. Lengths are coprime to each other where it matters, so that few of the 32
// models share more than two values with another.
const rateMultiples = [1, 0.2, 4, 0.5, 10, 2, 0.05];
const penalties = [0, 1e-5, 0, 1e-4, 1e-3];
const penaltyMultiples = [1, 0.1, 1, 10, 0];
const l1Penalties = [0, 0, 1e-6, 0, 1e-5, 0, 0, 1e-4, 0];
const steps = [1, 1, 1, 15.3];
const factorPowers = [1, 2, 0.5];
const minimumMultiples = [1, 2.3];

/** Lists the models to train, model 0 with the settings as given. */
export function makeCandidates(settings: Settings, facts: DataFacts): Candidate[] {
  const count = settings.numModels === "auto" ? affordable(facts.modelBytes) : settings.numModels;
  return Array.from({ length: count }, (_, index) => candidate(settings, facts, index));
}

function affordable(modelBytes: number): number {
  return Math.max(1, Math.min(AUTO_MODELS, Math.floor(MODELS_BUDGET / modelBytes)));
}

function candidate(settings: Settings, facts: DataFacts, index: number): Candidate {
  const { given } = settings;
  const rate = orAuto(given.learning_rate, automaticRate(settings, facts.updates));
  const step = orAuto(given.lr_scheduler_step, automaticStep(facts.updates));
  const factor = orAuto(given.lr_scheduler_factor, automaticFactor(facts.updates, step));
  const minimum = orAuto(given.lr_scheduler_minimum_lr, 1e-5);
  return {
    learningRate: rate * at(rateMultiples, index),
    l1: nearbyPenalty(given.l1, l1Penalties, index),
    wd: nearbyPenalty(given.wd, penalties, index),
    schedulerStep: Math.max(1, Math.round(step * at(steps, index))),
    schedulerFactor: factor ** at(factorPowers, index),
    schedulerMinimum: minimum * at(minimumMultiples, index),
    positiveWeight: positiveWeight(settings, facts, index),
  };
}

/**
 * Step size where none is given. Adam and rmsprop move a weight by about the rate per update whatever the gradient's
 * size, and standardised features want weights of the order of 1, so the rate shrinks with the number of updates.
 */
function automaticRate(settings: Settings, updates: number): number {
  const adaptive = Math.min(0.2, Math.max(0.005, 1 / Math.sqrt(updates)));
  return settings.optimizer === "sgd" ? 0.1 : adaptive;
}

/** Updates between decays: 10, as recorded from the service, unless there are too few updates for that to do anything. */
function automaticStep(updates: number): number {
  return updates < SHORT_TRAINING ? 1 : 10;
}

/** 0.99, as recorded from the service; a short training's rate still ends at a twentieth of where it began. */
function automaticFactor(updates: number, step: number): number {
  return updates < SHORT_TRAINING ? 0.05 ** (step / Math.max(updates, step + 1)) : 0.99;
}

/** Updates below which 0.99 every 10 updates would not bring the rate down to a twentieth. */
const SHORT_TRAINING = 3000;

/** Model 0 has the given value or 0; others lie around it. */
function nearbyPenalty(given: number | "auto", automatic: readonly number[], index: number): number {
  if (given === "auto") return at(automatic, index);
  return given * at(penaltyMultiples, index);
}

function positiveWeight(settings: Settings, facts: DataFacts, index: number): number {
  if (settings.predictorType !== "binary_classifier") return 1;
  const { positive_example_weight_mult: given } = settings.given;
  if (typeof given === "number") return given;
  const balanced = facts.positives > 0 && facts.negatives > 0 ? facts.negatives / facts.positives : 1;
  // `auto` lets models try no, half and full balance (on a logarithmic scale); selection decides.
  return given === "balanced" ? balanced : balanced ** at([0.5, 0, 1], index);
}

function at(values: readonly number[], index: number): number {
  return values[index % values.length] as number;
}
