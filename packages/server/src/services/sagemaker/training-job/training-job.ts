import { createHash } from "node:crypto";
import type { SecondaryStatus, TrainingJobStatus } from "@aws-sdk/client-sagemaker";
import type { Scope } from "../../../scope.ts";
import { partitionOf } from "../../../scope.ts";
import type { StoredRecord } from "../../../store/store.ts";
import type { SessionTag } from "../../sts/session.ts";
import type { Input } from "../operation.ts";
import type { LeftPool, TakenPool } from "./warm-pool.ts";

/** Record kind of training jobs. */
export const trainingJobKind = "training-job";

/** What the platform remembers of a training job. The record's status column holds the `TrainingJobStatus`. */
export interface TrainingJob {
  readonly arn: string;
  /** The request, as it was accepted. */
  readonly spec: TrainingJobSpec;
  /** The tuning job that it is a trial of. */
  readonly tuning?: TuningMembership;
  /** Tags of the session that created it, where SessionChainingConfig hands them on to the execution role's. */
  readonly sessionTags?: readonly SessionTag[];
  readonly secondary: SecondaryStatus;
  /** Oldest first; the last one is open until the job ends. */
  readonly transitions: readonly Transition[];
  /** How many hosts it has, decided when it is created. Each is a run of its own. */
  readonly hosts: number;
  /** Counts from 1; every attempt has runs of its own. */
  readonly attempt: number;
  /** Milliseconds since 1970: when the first attempt got its machine, from where time is billed. */
  readonly startedAt?: number;
  /** Milliseconds since 1970: when this attempt was prepared. Names its log streams. */
  readonly preparedAt?: number;
  /** The GPUs of this machine that this attempt's hosts use, by their index; none when absent. */
  readonly gpus?: readonly (readonly string[])[];
  /** Milliseconds that earlier attempts ran, which count against MaxRuntimeInSeconds. */
  readonly ranBeforeMs: number;
  /** How many attempts were lost to faults of the platform; interruptions of spot jobs do not count. */
  readonly faults?: number;
  /** Milliseconds since 1970: when this attempt's spot capacity was taken away. */
  readonly interruptedAt?: number;
  /** What managed spot training saves of the price, 0 to 1, as it was when the job was created. */
  readonly spotDiscount?: number;
  /** The warm pool that it runs in, when another job left it one. */
  readonly tookPool?: TakenPool;
  /** The warm pool that it left. */
  readonly leftPool?: LeftPool;
  /** Who stopped it, once somebody did. */
  readonly stop?: StoppedBy;
  /** How it ended, while artifacts are still on their way; the job becomes this. */
  readonly verdict?: Verdict;
  readonly metrics?: readonly FinalMetric[];
  readonly failureReason?: string;
  /** Milliseconds since 1970. */
  readonly endedAt?: number;
  /** What its owner should know about how it ran: less memory than the instance type has, and the like. */
  readonly notices: readonly string[];
}

/** What makes a job a trial of a tuning job. */
export interface TuningMembership {
  /** ARN of the tuning job. */
  readonly arn: string;
  /** Name of the metric whose values the tuning job follows. */
  readonly objective: string;
}

/** What a job was stopped by. */
export type StoppedBy = "user" | "max-runtime" | "max-wait";

/** The request without its tags, which are a record of their own. */
export type TrainingJobSpec = Omit<Input<"CreateTrainingJob">, "Tags">;

/** One entry of SecondaryStatusTransitions. Times are milliseconds since 1970. */
export interface Transition {
  readonly status: SecondaryStatus;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly message: string;
}

/** The last value of one metric. `at` is in milliseconds since 1970. */
export interface FinalMetric {
  readonly name: string;
  readonly value: number;
  readonly at: number;
}

/** How a job ended. */
export interface Verdict {
  readonly status: "Completed" | "Failed" | "Stopped";
  readonly secondary: "Completed" | "Failed" | "Stopped" | "MaxRuntimeExceeded" | "MaxWaitTimeExceeded";
  readonly message: string;
  readonly failureReason?: string;
  /** Its hosts are killed without grace: they do harm for as long as they run. */
  readonly kill?: true;
}

/** Statuses that a job never leaves. */
export const finalStatuses: readonly TrainingJobStatus[] = ["Completed", "Failed", "Stopped"];

/** A training job as the store returns it. */
export type TrainingJobRecord = StoredRecord<TrainingJob>;

/** Whether the job has ended for good. */
export function isFinal({ status }: TrainingJobRecord): boolean {
  return (finalStatuses as readonly (string | undefined)[]).includes(status);
}

/** What the names of all runs of a job's current attempt begin with, and what the network that they share is called. */
export function runPrefix(record: TrainingJobRecord): string {
  const known = prefixes.get(record);
  if (known !== undefined) return known;
  const { value, createdAt } = record;
  const digest = createHash("sha256").update(`${value.arn}\n${createdAt}`).digest("hex");
  const prefix = `t-${digest.slice(0, 12)}-${value.attempt}`;
  prefixes.set(record, prefix);
  return prefix;
}

/** One look at a job asks for it a dozen times. */
const prefixes = new WeakMap<TrainingJobRecord, string>();

/**
 * The run of one host in the current attempt: derived from the record, so that a second start finds the first.
 * @param index - The host's, from 0.
 */
export function runId(record: TrainingJobRecord, index: number): string {
  return `${runPrefix(record)}-${index + 1}`;
}

/** The runs of the current attempt, in order of their hosts. */
export function runIds(record: TrainingJobRecord): string[] {
  const prefix = runPrefix(record);
  return Array.from({ length: record.value.hosts }, (_, index) => `${prefix}-${index + 1}`);
}

/** Whether a run belongs to a training job: runs of other nouns are their owners' business. */
export function isTrainingRun(id: string): boolean {
  // Older versions had one run for each attempt.
  return /^t-[0-9a-f]{12}-\d+(-\d+)?$/.test(id);
}

/** The account and region that a record belongs to. */
export function scopeOf(record: { readonly account: string; readonly region: string }): Scope {
  return { partition: partitionOf(record.region), account: record.account, region: record.region };
}

/** The log group of every training job. */
export const trainingLogGroup = "/aws/sagemaker/TrainingJobs";

/** `JOB/algo-1-EPOCH`: a new stream for every host and attempt. */
export function logStreamOf(job: TrainingJob, hostName: string): string {
  return `${job.spec.TrainingJobName}/${hostName}-${job.preparedAt}`;
}

/** A run's log file, relative to the data directory's `logs`. */
export function logFileOf(runId: string): string {
  return `training/${runId}.log`;
}

/** Ends the open transition and begins the next. Nothing changes when status and message are those already there. */
export function transition(job: TrainingJob, status: SecondaryStatus, message: string, now: number): TrainingJob {
  const last = job.transitions.at(-1);
  if (last?.status === status && last.message === message) return job;
  const closed = last ? [...job.transitions.slice(0, -1), { ...last, endedAt: now }] : [];
  return { ...job, secondary: status, transitions: [...closed, { status, startedAt: now, message }] };
}

/**
 * The job with another message for the phase it is in. Messages about progress replace one another, so that a long wait
 * does not make a long record; the phase's first message stays in the list.
 */
export function restated(job: TrainingJob, status: SecondaryStatus, message: string, now: number): TrainingJob {
  const [before, last] = job.transitions.slice(-2);
  if (before?.status !== status || last?.status !== status) return transition(job, status, message, now);
  if (last.message === message) return job;
  return { ...job, transitions: [...job.transitions.slice(0, -1), { ...last, message }] };
}

/** What SageMaker says in each phase. Seen in real job output; clients must not depend on it, but people read it. */
export const phaseMessage = {
  starting: "Starting the training job",
  downloading: "Downloading input data",
  training: "Training image download completed. Training in progress.",
  uploading: "Uploading generated training model",
  stopping: "Stopping the training job",
  completed: "Training job completed",
  stopped: "Training job stopped",
  maxRuntime: "Training job runtime exceeded MaxRuntimeInSeconds provided",
  maxWait: "Training job wait time exceeded MaxWaitTimeInSeconds provided",
  interrupted: "Spot capacity was reclaimed: the training job has two minutes to save its checkpoints",
  relaunching: "Launching requested ML instances",
} as const;
