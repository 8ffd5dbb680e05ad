import type { AutoMLJobSecondaryStatus } from "@aws-sdk/client-sagemaker";
import type { AutopilotAnalysis } from "@sagebrush/algorithms/definitions";
import type { RecordKey, StoredRecord, Write } from "../../../store/store.ts";
import type { Order } from "./order.ts";

/** Record kind, which is also the ARN's resource type. */
export const autoMLJobKind = "automl-job";

/** What is done at a time. Each phase ends in the next one; some are passed over. */
export type Phase = "analyze" | "features" | "candidates" | "report" | "deploy";

/** A training job that a part of the work is done in. */
export interface ChildJob {
  readonly name: string;
  readonly arn: string;
  /** Which candidate or pipeline of the analysis it is of. */
  readonly plan: string;
}

/** What the platform remembers of an Autopilot job. The record's status column holds the `AutoMLJobStatus`. */
export interface AutoMLJob {
  readonly arn: string;
  readonly order: Order;
  /** Copied to every job that it starts. */
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
  readonly secondary: AutoMLJobSecondaryStatus;
  readonly phase: Phase;
  readonly analysisJob?: ChildJob;
  /** What has come of it. */
  readonly analysis?: AutopilotAnalysis;
  /** One for each pipeline of a search. */
  readonly features: readonly ChildJob[];
  /** One for each ensemble, in the order in which they were started. */
  readonly ensembles: readonly ChildJob[];
  /** Name and ARN of the tuning job that searches. */
  readonly search?: { readonly name: string; readonly arn: string };
  /** Name of the best candidate, once that is known. */
  readonly best?: string;
  readonly reportJob?: ChildJob;
  /** Whether the reports are there. */
  readonly hasReports?: true;
  /** The endpoint that ModelDeployConfig wanted, once it is known how it is called. */
  readonly endpoint?: string;
  /** The runtime of the whole job is over: nothing new is started. */
  readonly isOverTime?: true;
  readonly partialFailures: readonly string[];
  readonly failureReason?: string;
  /** Milliseconds since 1970. */
  readonly endedAt?: number;
}

/** An Autopilot job as the store returns it. */
export type AutoMLJobRecord = StoredRecord<AutoMLJob>;

/** Statuses that a job never leaves. */
export const finalAutoMLStatuses: readonly string[] = ["Completed", "Failed", "Stopped"];

/** Whether it has ended for good. */
export function isEnded({ status }: AutoMLJobRecord): boolean {
  return finalAutoMLStatuses.includes(status as string);
}

/** Where it is kept. */
export function keyOf({ account, region, kind, name }: StoredRecord): RecordKey {
  return { account, region, kind, name };
}

/** The write that makes a job what it is next. */
export function update(record: AutoMLJobRecord, value: AutoMLJob, status = record.status): Write {
  return {
    ...{ op: "update", key: keyOf(record), version: record.version, value },
    ...(status !== undefined && { status }),
  };
}

/** Reasons that the API tells at most. */
const mostReasons = 5;
const longestReason = 1024;

/** The job with one more thing that went wrong without failing it. */
export function withPartialFailure(job: AutoMLJob, reason: string): AutoMLJob {
  const partialFailures = [...job.partialFailures, reason.slice(0, longestReason)].slice(0, mostReasons);
  return { ...job, partialFailures };
}
