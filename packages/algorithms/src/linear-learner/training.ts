import { checkFinite } from "../formats/check-finite.ts";
import type { TrainingContext } from "../job/algorithm.ts";
import { fingerprint } from "../job/checkpoint-file.ts";
import { restoreCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import type { StoppingRule, StoppingState } from "./early-stopping.ts";
import { isAsGoodAsBest, isExhausted, observe, startStopping } from "./early-stopping.ts";
import type { Geometry } from "./geometry.ts";
import type { LinearHyperparameters } from "./hyperparameters.ts";
import { isStop } from "./in-blocks.ts";
import type { Learner } from "./learner.ts";
import { lossUnit, objectiveNames } from "./losses.ts";
import type { Workshop } from "./make-learner.ts";
import { nextTurn } from "./plain-learner.ts";
import type { Start } from "./plan.ts";
import { reportEpoch } from "./report.ts";
import { bestIndex, calibrateModels, goalOf } from "./selection.ts";
import type { Settings } from "./settings.ts";
import type { Split } from "./split.ts";
import type { SplitName } from "./survey.ts";

/** A learner after training, its weights those of the best epoch on validation, or of the latest as good or unjudged. */
export interface Training {
  readonly learner: Learner;
  readonly geometry: Geometry;
  /** Each model's loss in the last epoch, of validation where there is one. */
  readonly losses: Float64Array;
}

/** What is trained, and on what. */
export interface TrainingPlan {
  readonly settings: Settings;
  readonly start: Start;
  readonly splits: ReadonlyMap<SplitName, Split>;
  /** Rows that decisions are judged on after each epoch; undefined where losses are. */
  readonly sample: Split | undefined;
  readonly workshop: Workshop;
}

type Job = TrainingContext<LinearHyperparameters>;

/** Runs epochs until the last, until nothing improves any more, or until the job is told to stop. */
export async function train(job: Job, plan: TrainingPlan): Promise<Training> {
  const { settings, start, splits, sample, workshop } = plan;
  const trainSplit = splits.get("train") as Split;
  const validation = splits.get("validation");
  const learner = workshop.learner(start.plan, trainSplit, start.state);
  const objective = objectiveNames[settings.loss];
  const unit = lossUnit(settings.loss, start.plan.scaling.labelDeviation);
  const measure = criterion(settings, start, objective, sample);
  const { epochs } = settings.given;
  const saved = await openCheckpoint(job, start, trainSplit, learner);
  let { stopping } = saved;
  let hasLearned = saved.epoch > 0;
  let losses: Float64Array = new Float64Array(start.plan.geometry.models);
  /** @returns undefined where the job was stopped before the epoch could be judged. */
  const runEpoch = async (isFirst: boolean) => {
    const startedAt = new Date();
    const trainLosses = await learner.trainEpoch(job.signal);
    const endedAt = new Date();
    hasLearned = true;
    losses = trainLosses;
    if (isFirst && trainLosses.some(Number.isNaN)) checkRows(trainSplit, "train");
    const validationLosses = validation && (await learner.evaluate(validation)).map((loss) => loss * unit);
    losses = validationLosses ?? trainLosses;
    return { startedAt, endedAt, trainLosses, validationLosses, value: await measure.value(learner, losses) };
  };
  for (let epoch = saved.epoch; epoch < epochs && !isExhausted(stopping, measure.rule); epoch++) {
    if (job.signal.aborted) break;
    const result = await runEpoch(epoch === saved.epoch).catch((error: unknown) => {
      if (!hasLearned || !isStop(error, job.signal)) throw error;
    });
    if (result === undefined) break;
    const { value, trainLosses, validationLosses, ...times } = result;
    stopping = observe(stopping, value, measure.rule);
    // Training figures do not show overfitting and know nothing of penalties: without validation the latest is kept.
    const isKept = validation === undefined ? !Number.isNaN(value) : isAsGoodAsBest(stopping, value, measure.rule);
    if (isKept) saved.bestWeights.set(learner.state.weights);
    reportEpoch(job.log, objective, {
      epoch,
      epochs,
      ...times,
      rows: trainSplit.count,
      train: trainLosses,
      validation: validationLosses,
      criterion: { name: measure.name, value },
    });
    if (!job.signal.aborted) await saved.write(epoch + 1, stopping);
    // An epoch over few rows ends before it would let a signal in.
    await nextTurn();
  }
  if (!hasLearned) throw job.signal.reason;
  if (isExhausted(stopping, measure.rule)) {
    job.log.info(`Early stop condition met: no improvement of ${measure.name} in ${measure.rule.patience} epochs.`);
  }
  if (stopping.best !== undefined) learner.state.weights.set(saved.bestWeights);
  return { learner, geometry: start.plan.geometry, losses };
}

/** Looks for what no model can learn from where a loss says that there may be some. Streamed rows were looked at before. */
export function checkRows({ inMemory }: Split, name: SplitName): void {
  if (inMemory !== undefined) checkFinite(inMemory.features, name);
}

interface Measure {
  readonly name: string;
  readonly rule: StoppingRule;
  value(learner: Learner, losses: Float64Array): Promise<number>;
}

/** How good an epoch was: the best over all models. */
function criterion(settings: Settings, start: Start, objective: string, sample: Split | undefined): Measure {
  const { early_stopping_patience: patience, early_stopping_tolerance: tolerance } = settings.given;
  const { geometry } = start.plan;
  if (sample === undefined) {
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

async function openCheckpoint(job: Job, start: Start, rows: Split, learner: Learner): Promise<OpenCheckpoint> {
  const { checkpointsDirectory: directory } = job;
  const bestWeights = new Float32Array(start.plan.geometry.weights);
  if (directory === undefined) return { epoch: 0, stopping: startStopping, bestWeights, write: async () => {} };
  // More epochs than before are a reason to go on; any other change is one to begin again.
  const { epochs: _, ...configuration } = job.hyperparameters;
  const print = fingerprint([configuration, start.plan.geometry, rows.count, rows.width]);
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
