import { checkFinite } from "../formats/check-finite.ts";
import type { Table } from "../formats/rows.ts";
import type { TrainingContext } from "../job/algorithm.ts";
import { channelBytes } from "../job/channel-bytes.ts";
import type { Channel } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import type { JobLog } from "../job/job-log.ts";
import { warnOfGpus } from "../job/warn-of-gpus.ts";
import { saveModel } from "./artifact.ts";
import type { SplitName } from "./data.ts";
import { readTables, scaleLabels, thinned } from "./data.ts";
import { finalQualities } from "./final-quality.ts";
import type { LinearHyperparameters } from "./hyperparameters.ts";
import type { Split } from "./learner.ts";
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
import type { Training } from "./training.ts";
import { train } from "./training.ts";

/** Rows of the training channel that thresholds are calibrated on where there is no validation channel and no wish. */
const CALIBRATION_ROWS = 65_536;

/** Trains the parallel models, chooses one, measures it and writes it. */
export async function fit(job: TrainingContext<LinearHyperparameters>): Promise<void> {
  const settings = resolveSettings(job.hyperparameters, job.given["_tuning_objective_metric"] !== undefined);
  warnOfGpus(job.log, job.resources);
  const startedAt = performance.now();
  const { cpus, memoryBytes } = job;
  const inputBytes = channelBytes(job.channels.get("train") as Channel);
  const opening = openWorkshop({ cpus, memoryBytes, inputBytes }); // its threads start while the channels are read
  opening.catch(() => undefined); // seen where it is awaited, which may be later
  try {
    const tables = await readTables(job.channels, settings);
    const readAt = performance.now();
    await fitTables(job, settings, tables, await opening);
    logTimes(job.log, { "initialize.time": readAt - startedAt, "fit.time": performance.now() - readAt });
  } finally {
    await (await opening).close();
  }
}

function logTimes(log: JobLog, millis: Readonly<Record<string, number>>): void {
  const summaries = Object.entries(millis).map(([name, sum]) => [name, { sum, count: 1, min: sum, max: sum }]);
  log.metrics({ dimensions: { Operation: "training" }, metrics: Object.fromEntries(summaries) });
}

async function fitTables(
  job: TrainingContext<LinearHyperparameters>,
  settings: Settings,
  tables: ReadonlyMap<SplitName, Table>,
  workshop: Workshop,
): Promise<void> {
  const trainTable = tables.get("train") as Table;
  const scaling = estimateScaling(trainTable, settings);
  const splits = new Map<SplitName, Split>();
  for (const [name, table] of tables)
    splits.set(name, { features: table.features, labels: scaleLabels(table.labels, scaling) });
  const start = planTraining(settings, trainTable, scaling);
  const calibration = calibrationSplit(settings, splits);
  const training = await train(job, settings, start, splits, calibration, workshop);
  const choice = await choose(settings, training, splits, calibration);
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
    const qualities = await finalQualities(winner, settings, scaling, split, name, choice.threshold);
    if (qualities.some(({ value }) => Number.isNaN(value))) checkFinite(split.features, name);
    reportFinal(job.log, name, qualities);
  }
  if (!splits.has("test")) job.log.info("Test data is not provided.");
}

/** Rows that thresholds are calibrated on: the first of the validation channel, else some of the training rows. */
function calibrationSplit(settings: Settings, splits: ReadonlyMap<SplitName, Split>): Split {
  const validation = splits.get("validation");
  if (validation !== undefined) return thinned(validation, settings.calibrationSamples);
  const wanted = settings.given.num_calibration_samples;
  return thinned(splits.get("train") as Split, wanted === "auto" ? CALIBRATION_ROWS : wanted);
}

async function choose(
  settings: Settings,
  training: Training,
  splits: ReadonlyMap<SplitName, Split>,
  calibration: Split,
): Promise<Choice> {
  const { learner, geometry } = training;
  const goal = goalOf(settings);
  if (isJudgedByDecisions(settings)) return chooseByDecisions(learner, geometry, calibration, goal, thinned);
  if (geometry.models === 1) return { model: 0, threshold: 0 };
  const losses = await learner.evaluate(splits.get("validation") ?? calibration);
  return { model: bestIndex(losses, "minimise"), threshold: 0 };
}
