import { join } from "node:path";
import type { TrainingContext } from "../job/algorithm.ts";
import type { Channel } from "../job/channels.ts";
import { warnOfGpus } from "../job/warn-of-gpus.ts";
import { boost } from "./boost.ts";
import { crossValidate } from "./cross-validation.ts";
import { type DataRows, dataSet, noRows, readRows } from "./data.ts";
import { joinPeers } from "./distributed/join-peers.ts";
import type { XGBoostHyperparameters } from "./hyperparameters.ts";
import { checkLabels, checkOwnMetrics } from "./labels.ts";
import { XGBoostLibrary } from "./library/library.ts";
import { modelFile } from "./model-file.ts";
import { type Settings, settingsOf } from "./settings.ts";

/** Trains by the library, on all rows of the train channel, and watches the validation channel. */
export async function fit(job: TrainingContext<XGBoostHyperparameters>): Promise<void> {
  const { log, signal, resources } = job;
  const library = openLibrary(job.library);
  log.info(`XGBoost ${library.version.join(".")} on ${job.cpus} core(s).`);
  warnOfGpus(log, resources);
  const settings = settingsOf(job.hyperparameters, job.cpus, log);
  checkOwnMetrics(settings);
  const { train, validation } = await readChannels(job, settings);
  if (settings.crossValidation !== undefined) {
    await crossValidate({ ...job, library, settings, train: train as DataRows, validation });
    return;
  }
  const startedAt = Date.now();
  const group = await joinPeers({
    library,
    resources,
    hasRows: train !== undefined,
    hasValidation: validation !== undefined,
    log,
    signal,
  });
  if (group === undefined || train === undefined) return; // the others have all the rows
  try {
    using trainSet = dataSet("train", train, library, settings);
    // Also a host without rows of it takes part in measuring.
    const watched = validation ?? (group.hasValidation ? noRows(train.features.width) : undefined);
    using validationSet = watched === undefined ? undefined : dataSet("validation", watched, library, settings);
    log.info(`Train matrix has ${trainSet.matrix.rows} rows and ${trainSet.columns} columns`);
    if (validationSet) log.info(`Validation matrix has ${validationSet.matrix.rows} rows`);
    await boost({
      ...{ library, settings, peers: group.peers, log, signal, checkpointsDirectory: job.checkpointsDirectory },
      sets: validationSet === undefined ? [trainSet] : [trainSet, validationSet],
      path: join(job.modelDirectory, modelFile),
    });
    const millis = Date.now() - startedAt;
    log.metrics({
      startTime: startedAt / 1000,
      dimensions: { Operation: "training" },
      metrics: { "fit.time": { sum: millis, count: 1, min: millis, max: millis } },
    });
  } finally {
    await group.peers.leave();
  }
}

interface ReadChannels {
  /** Undefined where this host of several has no file of it. */
  readonly train: DataRows | undefined;
  readonly validation: DataRows | undefined;
}

async function readChannels(
  { channels, resources, log }: TrainingContext<XGBoostHyperparameters>,
  settings: Settings,
): Promise<ReadChannels> {
  const trainChannel = channels.get("train") as Channel;
  const validationChannel = channels.get("validation");
  const mayLack = resources.hosts.length > 1 && settings.crossValidation === undefined;
  if (mayLack && trainChannel.isEmpty()) {
    log.warning(`Host ${resources.currentHost} has no data of the train channel and takes no part in training.`);
    return { train: undefined, validation: undefined };
  }
  const train = await readRows(trainChannel, settings);
  checkLabels("train", train, settings);
  if (validationChannel === undefined || (mayLack && validationChannel.isEmpty()))
    return { train, validation: undefined };
  const validation = await readRows(validationChannel, settings, train.features.width);
  checkLabels("validation", validation, settings);
  return { train, validation };
}

function openLibrary(path: string | undefined): XGBoostLibrary {
  if (path === undefined) throw new Error("The run does not say where XGBoost's library is.");
  return new XGBoostLibrary(path);
}
