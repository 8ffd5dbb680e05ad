import {
  config,
  printing,
  Tuning,
} from "../../packages/server/src/services/sagemaker/hyper-parameter-tuning-job/testkit/tuning.ts";
import { startJobServerOn } from "../../packages/server/src/services/sagemaker/training-job/testkit/job-server.ts";
import { readyImages } from "../../packages/server/src/services/sagemaker/training-job/testkit/ready-images.ts";
import { ScriptedEngine } from "../../packages/server/src/services/sagemaker/training-job/testkit/scripted-engine.ts";
import type { Figure } from "../support/report.ts";

const trials = 1000;
const parallel = 4;
const pollMs = 200;

/**
 * What a trial costs beyond what it does itself: a tuning job whose trials end as soon as they start, from Create to Completed.
 * Everything but the container is real: records on disk, training jobs with their channels, logs, metrics and artifacts.
 */
export async function controllerOverhead(): Promise<Figure[]> {
  const jobs = await startJobServerOn(async () => new ScriptedEngine(), readyImages());
  try {
    jobs.engine.algorithm = printing((run) => [run.id.length, 1]);
    const tuning = new Tuning(jobs);
    const began = performance.now();
    const processorBefore = process.cpuUsage();
    const ResourceLimits = { MaxNumberOfTrainingJobs: trials, MaxParallelTrainingJobs: parallel };
    const name = await tuning.create({ HyperParameterTuningJobConfig: config({ ResourceLimits }) });
    let ended = await tuning.describe(name);
    while (ended.HyperParameterTuningJobStatus === "InProgress") {
      await new Promise((resolve) => setTimeout(resolve, pollMs)); // looks are work, too
      ended = await tuning.describe(name);
    }
    const millis = performance.now() - began;
    const { user, system } = process.cpuUsage(processorBefore);
    const completed = ended.TrainingJobStatusCounters?.Completed;
    if (completed !== trials) throw new Error(`${completed} of ${trials} trials completed: ${ended.FailureReason}`);
    return [
      {
        what: `controller overhead per trial, ${trials} Random trials, ${parallel} at once`,
        value: millis / trials,
        unit: "ms",
        reference: "Ray Tune: about 227 ms",
        must: "<= 50",
      },
      { what: "processor time per trial", value: (user + system) / 1000 / trials, unit: "ms" },
    ];
  } finally {
    await jobs.close();
  }
}
