import { totalmem } from "node:os";
import type { TrainingContext } from "../job/algorithm.ts";
import { channelBytes } from "../job/channel-bytes.ts";
import type { Channel } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import type { JobLog } from "../job/job-log.ts";
import { warnOfGpus } from "../job/warn-of-gpus.ts";
import { saveModel } from "./artifact.ts";
import type { Source } from "./data.ts";
import { openSources, splitsOf } from "./data.ts";
import { finalQualities } from "./final-quality.ts";
import type { LinearHyperparameters } from "./hyperparameters.ts";
import { isStop } from "./in-blocks.ts";
import { weightsOf } from "./learner.ts";
import type { Workshop } from "./make-learner.ts";
import { openWorkshop } from "./make-learner.ts";
import { narrow, planTraining } from "./plan.ts";
import { reportBest, reportFinal } from "./report.ts";
import { estimateScaling, foldScaling } from "./scaling.ts";
import type { Choice } from "./selection.ts";
import { bestIndex, chooseByDecisions, goalOf, isJudgedByDecisions } from "./selection.ts";
import type { Settings } from "./settings.ts";
import { resolveSettings } from "./settings.ts";
import { settled } from "./settled.ts";
import type { Split } from "./split.ts";
import type { SplitName } from "./survey.ts";
import { thinned } from "./thinned.ts";
import type { Training } from "./training.ts";
import { checkRows, train } from "./training.ts";

/** Rows of the training channel that thresholds are calibrated on where there is no validation channel and no wish. */
const CALIBRATION_ROWS = 65_536;
/** Rows of those that decisions are sampled on after each epoch. */
const SAMPLED_ROWS = 4096;
/** Share of the run's memory that each of the two may take, where their channel is streamed. */
const CALIBRATION_SHARE = 1 / 16;

type Job = TrainingContext<LinearHyperparameters>;

/** Trains the parallel models, chooses one, measures it and writes it. */
export async function fit(job: Job): Promise<void> {
  const settings = resolveSettings(job.hyperparameters, job.given["_tuning_objective_metric"] !== undefined);
  warnOfGpus(job.log, job.resources);
  const startedAt = performance.now();
  const { cpus, memoryBytes } = job;
  const inputBytes = channelBytes(job.channels.get("train") as Channel);
  const opening = openWorkshop({ cpus, memoryBytes, inputBytes }); // its threads start while the channels are read
  opening.catch(() => undefined); // seen where it is awaited, which may be later
  try {
    const sources = await openSources(job.channels, settings);
    const readAt = performance.now();
    await learn(job, settings, sources, await opening);
    logTimes(job.log, { "initialize.time": readAt - startedAt, "fit.time": performance.now() - readAt });
  } finally {
    await (await opening).close();
  }
}

function logTimes(log: JobLog, millis: Readonly<Record<string, number>>): void {
  const summaries = Object.entries(millis).map(([name, sum]) => [name, { sum, count: 1, min: sum, max: sum }]);
  log.metrics({ dimensions: { Operation: "training" }, metrics: Object.fromEntries(summaries) });
}

async function learn(
  job: Job,
  settings: Settings,
  sources: ReadonlyMap<SplitName, Source>,
  workshop: Workshop,
): Promise<void> {
  const { facts } = sources.get("train") as Source;
  const scaling = estimateScaling(facts.moments, facts.kind, settings);
  const splits = splitsOf(sources, scaling);
  for (const [name, { inMemory, count }] of splits) {
    if (inMemory === undefined)
      job.log.info(`The ${count} rows of the ${name} channel do not fit into memory: each pass reads them again.`);
  }
  const start = planTraining(settings, facts, scaling);
  const { calibration, sample } = await calibrationOf(job, settings, splits);
  const training = await train(job, { settings, start, splits, sample, workshop });
  const choice = await choose(job, settings, training, { splits, calibration, sample });
  const { learner, geometry } = training;
  const linear = foldScaling(weightsOf(geometry, learner.state.weights, choice.model), settings.classes, scaling);
  if (!linear.weights.every(Number.isFinite)) {
    throw new CustomerError(
      "Training diverged: no model has finite weights. Lower learning_rate, or check that features are of a sane size.",
    );
  }
  await saveModel(job.modelDirectory, {
    predictorType: settings.predictorType,
    loss: settings.loss,
    threshold: choice.threshold,
    linear,
  });
  reportBest(job.log, settings, start.candidates[choice.model] as (typeof start.candidates)[number]);
  const alone = narrow(start, learner.state, choice.model);
  const winner = workshop.learner(alone.plan, splits.get("train") as Split, alone.state);
  for (const [name, split] of splits) {
    try {
      const qualities = await finalQualities(winner, settings, scaling, split, name, choice.threshold);
      if (qualities.some(({ value }) => Number.isNaN(value))) checkRows(split, name);
      reportFinal(job.log, name, qualities);
    } catch (error) {
      if (!isStop(error, job.signal)) throw error;
      job.log.info(`Stopped: the model is written, and was not measured on the ${name} channel.`);
    }
  }
  if (!splits.has("test")) job.log.info("Test data is not provided.");
}

/** Rows that models are compared on where not by their losses. */
interface CalibrationRows {
  /** For the thresholds: the first of the validation channel, else some of the training rows. */
  readonly calibration: Split;
  /** Some of them, for the decision after each epoch. */
  readonly sample: Split | undefined;
}

async function calibrationOf(
  { memoryBytes }: Job,
  settings: Settings,
  splits: ReadonlyMap<SplitName, Split>,
): Promise<CalibrationRows> {
  const validation = splits.get("validation");
  const wanted = settings.given.num_calibration_samples;
  const calibration =
    validation === undefined
      ? thinned(splits.get("train") as Split, wanted === "auto" ? CALIBRATION_ROWS : wanted)
      : thinned(validation, settings.calibrationSamples);
  if (!isJudgedByDecisions(settings)) return { calibration, sample: undefined };
  const bytes = (memoryBytes ?? totalmem() / 2) * CALIBRATION_SHARE;
  const rows = await settled(calibration, bytes);
  return { calibration: rows, sample: await settled(thinned(rows, SAMPLED_ROWS), bytes) };
}

/** Compares the models; of a job that was stopped, on what can be had without reading rows again. */
async function choose(
  { signal }: Job,
  settings: Settings,
  { learner, geometry, losses }: Training,
  { splits, calibration, sample }: CalibrationRows & { readonly splits: ReadonlyMap<SplitName, Split> },
): Promise<Choice> {
  const goal = goalOf(settings);
  const byLoss = (of: Float64Array): Choice => ({ model: bestIndex(of, "minimise"), threshold: 0 });
  try {
    if (isJudgedByDecisions(settings)) return await chooseByDecisions(learner, geometry, calibration, goal);
    if (geometry.models === 1) return { model: 0, threshold: 0 };
    return byLoss(await learner.evaluate(splits.get("validation") ?? calibration));
  } catch (error) {
    if (!isStop(error, signal)) throw error;
    if (sample?.inMemory !== undefined) return await chooseByDecisions(learner, geometry, sample, goal);
    return byLoss(losses);
  }
}
