import { ServiceError } from "../../../errors.ts";
import { type Write, WriteConflict } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import { recordTrainingJob } from "../training-job/create.ts";
import { trainingJobs } from "../training-job/resource.ts";
import type { TrainingJob } from "../training-job/training-job.ts";
import { childName, childRequest, machinesOf } from "./child-request.ts";
import { progressOf } from "./counters.ts";
import type { NextTrial, TrialBook } from "./trial-book.ts";
import {
  type TuningJob,
  type TuningJobRecord,
  type TuningTrial,
  type TuningTrialRecord,
  trialKey,
} from "./tuning-job.ts";

/**
 * Creates a trial and its training job, and counts it: all in one transaction, so that whatever dies, no training job is
 * lost or created twice, and none is created for a tuning job that was stopped a moment ago.
 * @returns The tuning job as it is then.
 * @throws ServiceError for a request that is refused on every machine that it may run on.
 * @throws WriteConflict when the tuning job has changed.
 */
export async function launchTrial(
  place: OperationPlace,
  record: TuningJobRecord,
  book: TrialBook,
  next: NextTrial,
): Promise<TuningJobRecord> {
  const { store, clock } = place.platform;
  const branch = book.branch(next.definition);
  const number = record.value.progress.launched + 1;
  const job = childName(record, number);
  const trial: TuningTrial = {
    ...{ trial: number, definition: next.definition, suggestion: next.suggestion.trial },
    ...{ job, jobArn: trainingJobs.arn(place.scope, job), values: next.suggestion.values },
    status: "InProgress",
  };
  const key = trialKey(record, number);
  const trials = [...[...book.trials.values()].map(({ value }) => value), trial];
  const progress = progressOf(trials, branch.objective.Type, record.value.progress, clock.now());
  const { account, region, kind, name, version, status } = record;
  const counted: Write = {
    ...{ op: "update", key: { account, region, kind, name }, version, value: { ...record.value, progress } },
    ...(status !== undefined && { status }),
  };
  const created: Write = { op: "create", key, value: trial };
  const tuning = { arn: record.value.arn, objective: branch.objective.MetricName as string };
  let refusal: unknown;
  for (const machines of machinesOf(branch.definition)) {
    const request = childRequest(job, branch, trial.values, machines, record.value.tags);
    try {
      await recordTrainingJob(request, place, { tuning, beside: [created, counted] });
      book.launched((await store.get<TuningTrial>(key)) as TuningTrialRecord);
      return (await store.get<TuningJob>(counted.key)) as TuningJobRecord;
    } catch (error) {
      if (await isOurs(error, job, tuning.arn, place)) throw new WriteConflict(key, "exists");
      // Another machine may do where this one cannot be had.
      if (!(error instanceof ServiceError && error.code === "ResourceLimitExceeded")) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/** Whether a name is taken by the very training job that was about to be created: another server was faster. */
async function isOurs(error: unknown, job: string, tuningJob: string, { platform, scope }: OperationPlace) {
  if (!(error instanceof ServiceError && error.code === "ResourceInUse")) return false;
  const taken = await platform.store.get<TrainingJob>(trainingJobs.key(scope, job));
  return taken?.value.tuning?.arn === tuningJob;
}
