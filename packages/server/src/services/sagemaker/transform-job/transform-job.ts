import type { TransformJobStatus } from "@aws-sdk/client-sagemaker";
import type { ServingContainer } from "../../../serving/fleet.ts";
import type { StoredRecord } from "../../../store/store.ts";
import type { Input } from "../operation.ts";

/** Record kind of transform jobs. */
export const transformJobKind = "transform-job";

/** What the platform remembers of a transform job. The record's status column holds the `TransformJobStatus`. */
export interface TransformJob {
  readonly arn: string;
  /** The request, as it was accepted. */
  readonly spec: TransformJobSpec;
  /** `b-<12 hex>`, made anew for each job; names its folder, and its runs begin with it. */
  readonly runPrefix: string;
  /** The model's containers as they were when the job was created, so that the model may go. */
  readonly containers: readonly [ServingContainer, ...ServingContainer[]];
  /** Objects of its input; absent until they were listed. */
  readonly objects?: number;
  /** One for each instance that has objects to work on; their places never change, the run in one does. */
  readonly instances: readonly TransformInstance[];
  /** Numbers given out so far, so that no run id is used twice. */
  readonly nextRun: number;
  /** Milliseconds since 1970: when it got its instances. */
  readonly startedAt?: number;
  /** Milliseconds since 1970. */
  readonly endedAt?: number;
  readonly failureReason?: string;
  /** Servers that died one after the other without an object finished in between. */
  readonly crashes?: { readonly count: number; readonly at: number; readonly reason: string };
}

/** What each of a job's instances consists of: requests go through all of its containers. */
export function serversOf({ containers }: Pick<TransformJob, "containers">) {
  const [container, ...further] = containers;
  return further.length === 0 ? { container } : { container, further, execution: "serial" as const };
}

/** One place of a job, and the run that serves there now. */
export interface TransformInstance {
  /** `i-` and 17 hexadecimal digits. */
  readonly id: string;
  /** Milliseconds since 1970: when it began; part of its streams' names. */
  readonly since: number;
  readonly runId: string;
}

/** The request without its tags, which are a record of their own. */
export type TransformJobSpec = Omit<Input<"CreateTransformJob">, "Tags">;

/** A transform job as the store returns it. */
export type TransformJobRecord = StoredRecord<TransformJob>;

/** Statuses that a job never leaves. */
export const finalStatuses: readonly TransformJobStatus[] = ["Completed", "Failed", "Stopped"];

/** Whether the job has ended for good. */
export function isFinal({ status }: TransformJobRecord): boolean {
  return (finalStatuses as readonly (string | undefined)[]).includes(status);
}

/** Whether a run or a folder belongs to a transform job. */
export function isTransformRun(id: string): boolean {
  return /^b-[0-9a-f]{12}(-\d+(-c\d+)?)?$/.test(id);
}

/** The log group of every transform job. */
export const transformLogGroup = "/aws/sagemaker/TransformJobs";

/** `JOB/INSTANCE-EPOCH`: the stream of what an instance's container prints. */
export function logStreamOf(job: TransformJob, { id, since }: Pick<TransformInstance, "id" | "since">): string {
  return `${job.spec.TransformJobName}/${id}-${since}`;
}

/** The file of an instance's data log, relative to the data directory's `logs`. */
export function dataLogName({ runPrefix }: TransformJob, index: number): string {
  return `${runPrefix}-${index + 1}-data.log`;
}
