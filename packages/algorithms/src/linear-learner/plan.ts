import { randomStream } from "../numerics/random.ts";
import type { Candidate } from "./candidates.ts";
import { makeCandidates } from "./candidates.ts";
import type { Geometry } from "./geometry.ts";
import { layOut } from "./geometry.ts";
import type { LearnerPlan, LearnerState } from "./learner.ts";
import { columnState, initialWeights, positiveWeights } from "./learner.ts";
import type { LossName } from "./losses.ts";
import { lossKinds } from "./losses.ts";
import type { Scaling } from "./scaling.ts";
import type { Settings } from "./settings.ts";
import type { Facts } from "./survey.ts";

/** Seed of the initial weights: the service has no hyperparameter for it, and equal jobs should give equal models. */
const SEED = 42;

const optimizerKinds = { adam: 0, sgd: 1, rmsprop: 2 } as const;

/** A plan, the models in it, and where they start. */
export interface Start {
  readonly plan: LearnerPlan;
  readonly candidates: readonly Candidate[];
  readonly state: LearnerState;
}

/** Decides how many models are trained, with which settings, and from which weights. */
export function planTraining(settings: Settings, facts: Facts, scaling: Scaling): Start {
  const { given } = settings;
  const { count, width, kind, classCounts } = facts;
  const batch = Math.min(given.mini_batch_size, count);
  const candidates = makeCandidates(settings, {
    updates: given.epochs * Math.ceil(count / batch),
    negatives: classCounts[0] ?? 0,
    positives: classCounts[1] ?? 0,
    modelBytes: (width + 1) * settings.classes * 4 * 6,
  });
  const geometry = layOut(width, candidates.length, settings.classes, kind === "sparse");
  return {
    candidates,
    plan: {
      geometry,
      batch,
      scaling,
      useBias: settings.useBias,
      loss: {
        kind: lossKinds[settings.loss],
        parameter: lossParameter(settings, scaling),
        classes: settings.classes,
        columnsPerModel: geometry.columnsPerModel,
        positiveWeights: positiveWeights(geometry, candidates),
        classWeights:
          given.balance_multiclass_weights && settings.classes > 1 ? balancedWeights(classCounts) : undefined,
      },
      optimizer: {
        kind: optimizerKinds[settings.optimizer],
        beta1: settings.beta1 ?? automaticBeta1(Math.ceil(count / batch)),
        // rmsprop's decay has no hyperparameter; 0.9 is the value of Hinton's lecture 6e and MXNet's default.
        beta2: settings.optimizer === "rmsprop" ? 0.9 : settings.beta2,
        momentum: settings.momentum,
        epsilon: 1e-8,
        biasLrMult: settings.biasLrMult,
        biasWdMult: settings.biasWdMult,
      },
    },
    state: startState(settings, geometry, candidates),
  };
}

/**
 * 0.9, less where an epoch has fewer than 10 updates: a memory longer than an epoch overshoots, and early stopping takes
 * the swing back for the end of improvement.
 */
function automaticBeta1(updatesPerEpoch: number): number {
  return 1 - 1 / Math.min(10, Math.max(2, updatesPerEpoch));
}

function startState(settings: Settings, geometry: Geometry, candidates: readonly Candidate[]): LearnerState {
  const { given } = settings;
  const random = randomStream(SEED);
  const draw =
    given.init_method === "uniform"
      ? () => (2 * random.uniform() - 1) * given.init_scale
      : () => random.normal() * given.init_sigma;
  return {
    weights: initialWeights(geometry, draw, settings.useBias ? given.init_bias : 0),
    first: new Float32Array(geometry.weights),
    second: new Float32Array(geometry.weights),
    columns: columnState(geometry, candidates, given.use_lr_scheduler),
    betaPowers: Float64Array.of(1, 1),
  };
}

/** The loss's own number; those in label units shrink with the labels. */
function lossParameter(settings: Settings, scaling: Scaling): number {
  const { given } = settings;
  const parameters: Partial<Record<LossName, number>> = {
    eps_insensitive_squared_loss: given.loss_insensitivity / scaling.labelDeviation,
    eps_insensitive_absolute_loss: given.loss_insensitivity / scaling.labelDeviation,
    quantile_loss: given.quantile,
    huber_loss: given.huber_delta / scaling.labelDeviation,
    hinge_loss: given.margin,
  };
  return parameters[settings.loss] ?? 0;
}

/** Weights under which every class that occurs weighs the same and the rows weigh 1 on average. */
function balancedWeights(counts: Float64Array): Float32Array {
  const rows = counts.reduce((a, b) => a + b, 0);
  const present = counts.filter((count) => count > 0).length;
  return Float32Array.from(counts, (count) => (count === 0 ? 0 : rows / (present * count)));
}

/** The same plan for one of its models alone. */
export function narrow(start: Start, state: LearnerState, model: number): Start {
  const { plan } = start;
  const wide = plan.geometry;
  const geometry = layOut(wide.features, 1, wide.classes, wide.isSparse);
  const candidate = start.candidates[model] as Candidate;
  return {
    candidates: [candidate],
    plan: { ...plan, geometry, loss: { ...plan.loss, positiveWeights: positiveWeights(geometry, [candidate]) } },
    state: {
      weights: narrowWeights(wide, geometry, state.weights, model),
      first: new Float32Array(geometry.weights),
      second: new Float32Array(geometry.weights),
      columns: columnState(geometry, [candidate], false),
      betaPowers: Float64Array.of(1, 1),
    },
  };
}

function narrowWeights(wide: Geometry, geometry: Geometry, weights: Float32Array, model: number): Float32Array {
  const own = new Float32Array(geometry.weights);
  for (let j = 0; j <= wide.stride; j++) {
    for (let k = 0; k < wide.classes; k++)
      own[j * geometry.columns + k] = weights[j * wide.columns + model * wide.columnsPerModel + k] as number;
  }
  return own;
}
