import { invariant, ServiceError } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import type { Input } from "../operation.ts";
import { recordTrainingJob } from "../training-job/create.ts";
import { trainingJobs } from "../training-job/resource.ts";
import { requestStop } from "../training-job/stop.ts";
import { isFinal, type TrainingJobRecord } from "../training-job/training-job.ts";
import { type AutoMLJob, type AutoMLJobRecord, type ChildJob, keyOf, update } from "./auto-ml-job.ts";

/**
 * Creates a training job and notes it in the Autopilot job, in one transaction: whatever dies, none is lost or created
 * twice, and none for a job that was stopped a moment ago.
 * @param noted - The Autopilot job with the training job in it.
 * @returns The Autopilot job as it is then.
 * @throws WriteConflict when it has changed.
 */
export async function launch(
  place: OperationPlace,
  record: AutoMLJobRecord,
  request: Input<"CreateTrainingJob">,
  noted: AutoMLJob,
): Promise<AutoMLJobRecord> {
  await recordTrainingJob(request, place, { beside: [update(record, noted)] });
  return await reread(place, record);
}

/** Writes what a job is next. @throws WriteConflict when it has changed. */
export async function write(
  { platform }: OperationPlace,
  record: AutoMLJobRecord,
  value: AutoMLJob,
  status = record.status,
): Promise<AutoMLJobRecord> {
  const [written] = await platform.store.write([update(record, value, status)]);
  return written as AutoMLJobRecord;
}

async function reread({ platform }: OperationPlace, record: AutoMLJobRecord): Promise<AutoMLJobRecord> {
  const current = await platform.store.get<AutoMLJob>(keyOf(record));
  // Autopilot jobs cannot be deleted.
  if (!current) throw new WriteConflict(keyOf(record), "absent");
  return current;
}

/** The training job of a part, as it is now; undefined for one that its owner has deleted. */
export async function jobOf({ platform, scope }: OperationPlace, child: Pick<ChildJob, "name">) {
  return (await platform.store.get(trainingJobs.key(scope, child.name))) as TrainingJobRecord | undefined;
}

/** How a part of the work is doing. */
export type Standing =
  | { readonly state: "running" }
  | { readonly state: "done"; readonly job: TrainingJobRecord }
  | { readonly state: "failed"; readonly reason: string };

/** Looks at a part. One that was stopped by the time limit of its own is done if it has left a model. */
export async function standing(place: OperationPlace, child: Pick<ChildJob, "name">): Promise<Standing> {
  const job = await jobOf(place, child);
  if (!job) return { state: "failed", reason: `The training job ${child.name} was deleted.` };
  if (!isFinal(job)) return { state: "running" };
  if (job.status === "Completed" || (job.status === "Stopped" && (job.value.metrics?.length ?? 0) > 0)) {
    return { state: "done", job };
  }
  const reason = job.value.failureReason ?? `The training job ${child.name} ended with status ${job.status}.`;
  return { state: "failed", reason };
}

/** Asks training jobs to stop. @returns How many of them still run. */
export async function stopChildren(place: OperationPlace, children: readonly ChildJob[]): Promise<number> {
  let running = 0;
  for (const child of children) {
    const job = await jobOf(place, child);
    if (!job || isFinal(job)) continue;
    running += 1;
    if (job.status === "Stopping") continue;
    try {
      await requestStop(child.name, place);
    } catch (error) {
      // It has ended meanwhile.
      if (!(error instanceof ServiceError)) throw error;
    }
  }
  return running;
}

/** The analysis, which the phases after the first cannot be without. */
export function analysisOf({ value }: AutoMLJobRecord): NonNullable<AutoMLJob["analysis"]> {
  invariant(value.analysis !== undefined, "the analysis ends before anything else begins");
  return value.analysis;
}
