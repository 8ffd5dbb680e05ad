import type { HyperParameterTuningJobStatus, ObjectiveStatus, TrainingJobStatus } from "@aws-sdk/client-sagemaker";
import type { RecordKey, StoredRecord } from "../../../store/store.ts";
import type { Values } from "../../../tuning/index.ts";
import type { Input } from "../operation.ts";

/** Record kinds of tuning jobs, and of their trials. */
export const tuningJobKind = "hyper-parameter-tuning-job";
export const tuningTrialKind = "hyper-parameter-tuning-trial";

/** The request without its tags. Autotune's choices are filled in. */
export type TuningJobSpec = Omit<Input<"CreateHyperParameterTuningJob">, "Tags">;

/** What every tuning job has in its request, whatever else. */
export type TuningConfig = NonNullable<TuningJobSpec["HyperParameterTuningJobConfig"]>;

/** What trials are started from. */
export type TrialDefinition = NonNullable<TuningJobSpec["TrainingJobDefinition"]>;

/** What a trial is judged by. */
export type Objective = NonNullable<TrialDefinition["TuningObjective"]>;

/** What the platform remembers of a tuning job. The record's status column holds the `HyperParameterTuningJobStatus`. */
export interface TuningJob {
  readonly arn: string;
  readonly spec: TuningJobSpec;
  /** Copied to every trial's training job. */
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
  /** What all its choices follow from: RandomSeed, or drawn when it was created. */
  readonly seed: number;
  readonly progress: Progress;
  /** How it ends, once that is decided and while trials still run. */
  readonly ending?: Ending;
  readonly failureReason?: string;
  /** Milliseconds since 1970. */
  readonly endedAt?: number;
}

/** How a tuning job ends. */
export interface Ending {
  readonly status: "Completed" | "Failed" | "Stopped";
  readonly failureReason?: string;
}

/** What has come of the trials so far. */
export interface Progress {
  readonly launched: number;
  readonly statuses: Readonly<Record<StatusCount, number>>;
  readonly objectives: Readonly<Record<ObjectiveStatus, number>>;
  /** The trial with the best objective. */
  readonly best?: { readonly trial: number; readonly value: number };
  /** Trials in a row that did not improve the best objective by a hundredth. */
  readonly notImproving: number;
  /** Milliseconds since 1970. */
  readonly convergedAt?: number;
}

/** Members of TrainingJobStatusCounters. */
export type StatusCount = "Completed" | "InProgress" | "RetryableError" | "NonRetryableError" | "Stopped";

/** A tuning job that nothing was done for yet. */
export const noProgress: Progress = {
  launched: 0,
  statuses: { Completed: 0, InProgress: 0, RetryableError: 0, NonRetryableError: 0, Stopped: 0 },
  objectives: { Succeeded: 0, Pending: 0, Failed: 0 },
  notImproving: 0,
};

/** What the platform remembers of one trial; written in the transaction that creates its training job. */
export interface TuningTrial {
  /** Counts from 1 within the tuning job. */
  readonly trial: number;
  /** Index of its definition, and its number within that: what its optimiser knows it by. */
  readonly definition: number;
  readonly suggestion: number;
  /** Name and ARN of its training job. */
  readonly job: string;
  readonly jobArn: string;
  /** The hyperparameters that were chosen. */
  readonly values: Values;
  readonly status: TrainingJobStatus;
  readonly failureReason?: string;
  /** Milliseconds since 1970. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly objective?: number;
}

/** A tuning job and a trial as the store returns them. */
export type TuningJobRecord = StoredRecord<TuningJob>;
export type TuningTrialRecord = StoredRecord<TuningTrial>;

/** Statuses that a tuning job never leaves. */
export const finalTuningStatuses: readonly HyperParameterTuningJobStatus[] = ["Completed", "Failed", "Stopped"];

/** Whether a tuning job has ended for good. */
export function isEnded({ status }: Pick<StoredRecord, "status">): boolean {
  return (finalTuningStatuses as readonly (string | undefined)[]).includes(status);
}

/** Where a trial is kept: below its tuning job's name, in order of their numbers. */
export function trialKey({ account, region, name }: Omit<RecordKey, "kind">, trial: number): RecordKey {
  return { account, region, kind: tuningTrialKind, name: `${name}/${String(trial).padStart(6, "0")}` };
}

/** The objective's value that a trial may be judged by: one of a training job that failed is not. */
export function usableObjective({ status, objective }: TuningTrial): number | undefined {
  return status === "Completed" || status === "Stopped" ? objective : undefined;
}

/** What `ListTrainingJobsForHyperParameterTuningJob` says of a trial's objective. */
export function objectiveStatus(trial: TuningTrial): ObjectiveStatus {
  if (trial.endedAt === undefined) return "Pending";
  return usableObjective(trial) === undefined ? "Failed" : "Succeeded";
}
