import { CustomerError } from "../job/errors.ts";
import type { LinearHyperparameters } from "./hyperparameters.ts";
import type { LossName } from "./losses.ts";
import { lossesOf } from "./losses.ts";

export type PredictorType = "regressor" | "binary_classifier" | "multiclass_classifier";
export type SelectionCriterion =
  | "accuracy"
  | "f_beta"
  | "precision_at_target_recall"
  | "recall_at_target_precision"
  | "loss_function";
type OptimizerName = "adam" | "sgd" | "rmsprop";

/** Hyperparameters with every `auto` that does not depend on data resolved and combinations checked. */
export interface Settings {
  readonly predictorType: PredictorType;
  /** Scores per row: the number of classes of a multiclass classifier, else 1. */
  readonly classes: number;
  readonly loss: LossName;
  readonly optimizer: OptimizerName;
  /** undefined: follows from the number of updates in an epoch. */
  readonly beta1: number | undefined;
  readonly beta2: number;
  readonly momentum: number;
  readonly useBias: boolean;
  readonly biasLrMult: number;
  readonly biasWdMult: number;
  readonly normalizeData: boolean;
  readonly normalizeLabel: boolean;
  readonly unbiasLabel: boolean;
  /** undefined: dense rows are shifted, sparse rows are not. */
  readonly unbiasData: boolean | undefined;
  readonly selection: SelectionCriterion;
  readonly numModels: number | "auto";
  readonly calibrationSamples: number;
  readonly given: LinearHyperparameters;
}

/** Number of parallel models that `auto` means, as recorded from the service. */
export const AUTO_MODELS = 32;

/**
 * Resolves and checks the hyperparameters.
 * @param isTuning - Whether a tuning job started this one: then there is one model, whatever was asked.
 * @throws CustomerError on combinations that the schema cannot refuse.
 */
export function resolveSettings(given: LinearHyperparameters, isTuning: boolean): Settings {
  const predictorType = given.predictor_type;
  const isRegressor = predictorType === "regressor";
  const useBias = given.use_bias;
  return {
    predictorType,
    classes: classesOf(given),
    loss: lossOf(given),
    optimizer: given.optimizer === "auto" ? "adam" : given.optimizer,
    beta1: orAuto(given.beta_1, undefined),
    beta2: orAuto(given.beta_2, 0.999),
    momentum: orAuto(given.momentum, 0),
    useBias,
    biasLrMult: orAuto(given.bias_lr_mult, 1),
    biasWdMult: orAuto(given.bias_wd_mult, 0),
    normalizeData: orAuto(given.normalize_data, true),
    normalizeLabel: isRegressor && orAuto(given.normalize_label, true),
    unbiasLabel: isRegressor && useBias && orAuto(given.unbias_label, true),
    // A shift folds into the bias, so a model without one cannot be trained on shifted features.
    unbiasData: useBias ? orAuto(given.unbias_data, undefined) : false,
    selection: criterionOf(given.binary_classifier_model_selection_criteria),
    numModels: isTuning ? 1 : given.num_models,
    calibrationSamples: orAuto(given.num_calibration_samples, 10_000_000),
    given,
  };
}

/** The value, or what `auto` stands for. */
export function orAuto<T, A>(value: T | "auto", automatic: A): Exclude<T, "auto"> | A {
  return value === "auto" ? automatic : (value as Exclude<T, "auto">);
}

function classesOf(given: LinearHyperparameters): number {
  if (given.predictor_type !== "multiclass_classifier") return 1;
  if (given.num_classes === undefined || given.num_classes < 3) {
    throw new CustomerError(
      `num_classes must be given and be at least 3 for predictor_type multiclass_classifier, got ${given.num_classes ?? "nothing"}.`,
    );
  }
  return given.num_classes;
}

function lossOf(given: LinearHyperparameters): LossName {
  const allowed: readonly LossName[] = lossesOf[given.predictor_type];
  const [automatic] = allowed;
  if (given.loss === "auto" && automatic !== undefined) return automatic;
  const loss = allowed.find((name) => name === given.loss);
  if (loss === undefined) {
    throw new CustomerError(
      `loss ${given.loss} is not valid for predictor_type ${given.predictor_type}: expected auto or one of ${allowed.join(", ")}.`,
    );
  }
  return loss;
}

/** The SDK lets two older names through. */
function criterionOf(name: LinearHyperparameters["binary_classifier_model_selection_criteria"]): SelectionCriterion {
  if (name === "f1") return "f_beta";
  return name === "cross_entropy_loss" ? "loss_function" : name;
}

/** The beta of F-beta; the older name `f1` means 1 whatever `f_beta` says. */
export function betaOf(settings: Settings): number {
  const { given } = settings;
  return given.binary_classifier_model_selection_criteria === "f1" ? 1 : given.f_beta;
}
