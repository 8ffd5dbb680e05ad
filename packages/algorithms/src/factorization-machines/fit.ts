import { availableParallelism } from "node:os";
import type { TrainingContext } from "../job/algorithm.ts";
import { channelBytes } from "../job/channel-bytes.ts";
import type { Channel, StreamOptions } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import { warnOfGpus } from "../job/warn-of-gpus.ts";
import { saveModel } from "./artifact.ts";
import { Batches } from "./batches.ts";
import type { FactorizationHyperparameters } from "./hyperparameters.ts";
import { faultOfStart, initialParameters } from "./initial-parameters.ts";
import { fitsKernel, type Learner, openLearner } from "./learner.ts";
import { checkParametersFit, planOf } from "./plan.ts";
import { meterOf, type QualityMeter } from "./quality.ts";
import { reportEpoch, reportSplit } from "./report.ts";

type Job = TrainingContext<FactorizationHyperparameters>;

/** Input that keeps a thread busy for longer than it takes to start. */
const bytesPerThread = 2 * 1024 * 1024;
const mostThreads = 64;

/** Trains a factorization machine: a step of Adam for every mini-batch of rows that streams by, then writes the model. */
export async function fit(job: Job): Promise<void> {
  const { hyperparameters, log, modelDirectory } = job;
  warnOfGpus(log, job.resources);
  const plan = planOf(hyperparameters);
  checkParametersFit(plan, job.memoryBytes);
  const fault = faultOfStart(hyperparameters);
  if (fault !== undefined) log.warning(fault);
  if (!fitsKernel(plan)) log.warning("The parameters take more than 3.5 GiB: training runs on one thread, slowly.");
  const train = job.channels.get("train") as Channel; // required, which was checked
  const cores = Math.min(job.cpus, availableParallelism(), mostThreads);
  const threads = Math.max(1, Math.min(cores, Math.ceil(channelBytes(train) / bytesPerThread)));
  const learner = await openLearner(plan, initialParameters(hyperparameters), threads);
  try {
    const meter = await learn(job, train, learner);
    const { feature_dim: width, num_factors: factors, predictor_type: predictorType } = hyperparameters;
    await saveModel(modelDirectory, { predictorType, width, factors, parameters: learner.parameters() });
    reportSplit(log, "train", meter);
    await evaluate(job, learner);
  } finally {
    await learner.close();
  }
}

function streamOptions({ feature_dim }: FactorizationHyperparameters, passes: number): StreamOptions {
  const defaultContentType = "application/x-recordio-protobuf";
  return { labelWidth: 1, defaultContentType, featureDim: feature_dim, isDense: false, isOnePass: passes === 1 };
}

/** @returns How good the answers of the last epoch were, each given before its mini-batch was learned from. */
async function learn({ hyperparameters, log, signal }: Job, train: Channel, learner: Learner): Promise<QualityMeter> {
  const { epochs, predictor_type } = hyperparameters;
  const batches = new Batches(learner, hyperparameters);
  const stream = train.stream(streamOptions(hyperparameters, epochs));
  let meter = meterOf(predictor_type);
  let learned = 0;
  try {
    for (let epoch = 0; epoch < epochs && !signal.aborted; epoch++) {
      const startedAt = Date.now();
      meter = meterOf(predictor_type);
      let rows = 0;
      let count = 0;
      for await (const filled of batches.of(stream, train.name)) {
        learner.train(filled);
        meter.add(batches.area, filled);
        if (count === 0) {
          for (const each of meter.report()) log.qualityMetric({ epoch, batch: 0, split: "train", ...each });
        }
        rows += filled;
        count++;
        learned++;
      }
      checkConverging(meter, epoch);
      reportEpoch(log, { epoch, epochs, startedAt, rows, batches: count, meter });
    }
  } catch (error) {
    // Told to stop, with a model that has learned something.
    if (!signal.aborted || learned === 0) throw error;
  }
  if (learned === 0) throw signal.reason;
  return meter;
}

function checkConverging(meter: QualityMeter, epoch: number): void {
  const broken = meter.report().find(({ value }) => !Number.isFinite(value));
  if (broken === undefined) return;
  throw new CustomerError(
    `Training has diverged: ${broken.name} of epoch ${epoch} is ${broken.value}. Lower bias_lr, linear_lr and factors_lr, set clip_gradient, or scale the features.`,
  );
}

async function evaluate({ hyperparameters, channels, log, signal }: Job, learner: Learner): Promise<void> {
  const test = channels.get("test");
  if (test === undefined || signal.aborted) return;
  const batches = new Batches(learner, hyperparameters);
  const meter = meterOf(hyperparameters.predictor_type);
  for await (const filled of batches.of(test.stream(streamOptions(hyperparameters, 1)), test.name)) {
    learner.score(filled);
    meter.add(batches.area, filled);
  }
  reportSplit(log, "test", meter);
}
