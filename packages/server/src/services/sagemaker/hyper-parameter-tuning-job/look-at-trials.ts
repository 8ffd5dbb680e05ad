import type { TrainingJobStatus } from "@aws-sdk/client-sagemaker";
import type { OperationPlace } from "../../service.ts";
import { trainingJobs } from "../training-job/resource.ts";
import { isFinal, type TrainingJobRecord } from "../training-job/training-job.ts";
import { finishCurve } from "./follow-trials.ts";
import type { TrialBook } from "./trial-book.ts";
import type { TuningTrial, TuningTrialRecord } from "./tuning-job.ts";

/** @returns The open trials whose training jobs changed, as they are now, by their numbers. */
export async function lookAtTrials(place: OperationPlace, book: TrialBook): Promise<Map<number, TuningTrialRecord>> {
  const seen = new Map<number, TuningTrialRecord>();
  const { store, clock } = place.platform;
  await Promise.all(
    book.open.map(async (record) => {
      const { value } = record;
      const job = (await store.get(trainingJobs.key(place.scope, value.job))) as TrainingJobRecord | undefined;
      const objective = book.branch(value.definition).objective.MetricName as string;
      const next = job ? trialAfter(value, job, objective) : trialWithoutJob(value, clock.now());
      if (next.status === value.status && next.startedAt === value.startedAt && next.endedAt === value.endedAt) return;
      if (next.endedAt !== undefined) await finishCurve(place, book, value);
      seen.set(value.trial, { ...record, value: next });
    }),
  );
  return seen;
}

/** A trial as its training job is now. @param objective - Name of the metric that it is judged by. */
export function trialAfter(trial: TuningTrial, job: TrainingJobRecord, objective: string): TuningTrial {
  const { startedAt, endedAt, failureReason, metrics } = job.value;
  const value = metrics?.find(({ name }) => name === objective)?.value;
  return {
    ...trial,
    status: job.status as TrainingJobStatus,
    ...(startedAt !== undefined && { startedAt }),
    ...(failureReason !== undefined && { failureReason }),
    ...(isFinal(job) && { endedAt: endedAt ?? job.modifiedAt, ...(value !== undefined && { objective: value }) }),
  };
}

/** Only training jobs that have ended can be deleted, so nobody knows how this one ended. */
function trialWithoutJob(trial: TuningTrial, now: number): TuningTrial {
  return { ...trial, status: "Failed", failureReason: "ClientError: The training job was deleted.", endedAt: now };
}
