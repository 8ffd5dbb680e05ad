import { checkFinite } from "../formats/check-finite.ts";
import type { TrainingContext } from "../job/algorithm.ts";
import { fingerprint } from "../job/checkpoint-file.ts";
import { restoreCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import type { SplitName } from "./data.ts";
import { thinned } from "./data.ts";
import type { StoppingRule, StoppingState } from "./early-stopping.ts";
import { isAsGoodAsBest, isExhausted, observe, startStopping } from "./early-stopping.ts";
import type { Geometry } from "./geometry.ts";
import type { LinearHyperparameters } from "./hyperparameters.ts";
import type { Learner, Split } from "./learner.ts";
import { lossUnit, objectiveNames } from "./losses.ts";
import type { Workshop } from "./make-learner.ts";
import { nextTurn } from "./plain-learner.ts";
import type { Start } from "./plan.ts";
import { reportEpoch } from "./report.ts";
import { bestIndex, calibrateModels, goalOf, isJudgedByDecisions } from "./selection.ts";
import type { Settings } from "./settings.ts";

/** Rows that decisions are sampled on after each epoch. */
const SAMPLED_ROWS = 4096;

/** A learner after training, its weights those of the best epoch on validation, or of the latest as good or unjudged. */
export interface Training {
  readonly learner: Learner;
  readonly geometry: Geometry;
}

/** Runs epochs until the last, until nothing improves any more, or until the job is told to stop. */
export async function train(
  job: TrainingContext<LinearHyperparameters>,
  settings: Settings,
  start: Start,
  splits: ReadonlyMap<SplitName, Split>,
  calibration: Split,
  workshop: Workshop,
): Promise<Training> {
  const trainSplit = splits.get("train") as Split;
  const validation = splits.get("validation");
  const learner = workshop.learner(start.plan, trainSplit, start.state);
  const objective = objectiveNames[settings.loss];
  const unit = lossUnit(settings.loss, start.plan.scaling.labelDeviation);
  const measure = criterion(settings, start, objective, thinned(calibration, SAMPLED_ROWS));
  const { epochs } = settings.given;
  const saved = await openCheckpoint(job, start, trainSplit, learner);
  let { stopping } = saved;
  for (let epoch = saved.epoch; epoch < epochs && !isExhausted(stopping, measure.rule); epoch++) {
    if (job.signal.aborted) break;
    const startedAt = new Date();
    const trainLosses = await learner.trainEpoch(job.signal);
    const endedAt = new Date();
    if (epoch === 0 && trainLosses.some(Number.isNaN)) checkFinite(trainSplit.features, "train");
    const validationLosses = validation && (await learner.evaluate(validation)).map((loss) => loss * unit);
    const value = await measure.value(learner, validationLosses ?? trainLosses);
    stopping = observe(stopping, value, measure.rule);
    // Training figures do not show overfitting and know nothing of penalties: without validation the latest is kept.
    const isKept = validation === undefined ? !Number.isNaN(value) : isAsGoodAsBest(stopping, value, measure.rule);
    if (isKept) saved.bestWeights.set(learner.state.weights);
    reportEpoch(job.log, objective, {
      epoch,
      epochs,
      startedAt,
      endedAt,
      rows: trainSplit.features.count,
      train: trainLosses,
      validation: validationLosses,
      criterion: { name: measure.name, value },
    });
    if (!job.signal.aborted) await saved.write(epoch + 1, stopping);
    // An epoch over few rows ends before it would let a signal in.
    await nextTurn();
  }
  if (isExhausted(stopping, measure.rule)) {
    job.log.info(`Early stop condition met: no improvement of ${measure.name} in ${measure.rule.patience} epochs.`);
  }
  if (stopping.best !== undefined) learner.state.weights.set(saved.bestWeights);
  return { learner, geometry: start.plan.geometry };
}

interface Measure {
  readonly name: string;
  readonly rule: StoppingRule;
  value(learner: Learner, losses: Float64Array): Promise<number>;
}

/** How good an epoch was: the best over all models. */
function criterion(settings: Settings, start: Start, objective: string, sample: Split): Measure {
  const { early_stopping_patience: patience, early_stopping_tolerance: tolerance } = settings.given;
  const { geometry } = start.plan;
  if (!isJudgedByDecisions(settings)) {
    return {
      name: objective,
      rule: { patience, tolerance, direction: "minimise" },
      value: async (_, losses) => losses[bestIndex(losses, "minimise")] as number,
    };
  }
  const models = Array.from({ length: geometry.models }, (_, model) => model);
  return {
    name: `sampled_${settings.selection}`,
    rule: { patience, tolerance, direction: "maximise" },
    async value(learner) {
      const calibrations = await calibrateModels(learner, geometry, sample, goalOf(settings), models);
      // A target that no threshold meets yet counts as 0, so that meeting it is an improvement.
      return Math.max(0, ...calibrations.map((calibration) => calibration.value));
    },
  };
}

interface OpenCheckpoint {
  readonly epoch: number;
  readonly stopping: StoppingState;
  readonly bestWeights: Float32Array;
  write(epoch: number, stopping: StoppingState): Promise<void>;
}

async function openCheckpoint(
  job: TrainingContext<LinearHyperparameters>,
  start: Start,
  rows: Split,
  learner: Learner,
): Promise<OpenCheckpoint> {
  const { checkpointsDirectory: directory } = job;
  const bestWeights = new Float32Array(start.plan.geometry.weights);
  if (directory === undefined) return { epoch: 0, stopping: startStopping, bestWeights, write: async () => {} };
  // More epochs than before are a reason to go on; any other change is one to begin again.
  const { epochs: _, ...configuration } = job.hyperparameters;
  const print = fingerprint([configuration, start.plan.geometry, rows.features.count, rows.features.width]);
  const found = await restoreCheckpoint(directory, print, learner.state, bestWeights);
  if (found !== undefined) job.log.info(`Resuming from the checkpoint after epoch ${found.epoch - 1}.`);
  return {
    epoch: found?.epoch ?? 0,
    stopping: found?.stopping ?? startStopping,
    bestWeights,
    write: (epoch, stopping) =>
      saveCheckpoint(directory, print, { epoch, stopping, state: learner.state, bestWeights }),
  };
}
