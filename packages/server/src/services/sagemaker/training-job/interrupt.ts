import { ServiceError, validationException } from "../../../errors.ts";
import type { Platform } from "../../../platform.ts";
import { WriteConflict } from "../../../store/store.ts";
import { type TrainingJob, type TrainingJobRecord, trainingJobKind } from "./training-job.ts";
import { interrupted } from "./verdicts.ts";

/** Names one training job. */
export interface JobName {
  readonly account: string;
  readonly region: string;
  readonly name: string;
}

/**
 * Takes a spot job's capacity away now, as the service may at any time: the job's hosts get SIGTERM and two minutes, then
 * the job begins again from its last checkpoint.
 * @throws ServiceError when there is no such job, it is no spot job, or it does not train at the moment.
 */
export async function interruptTrainingJob(
  { store, clock }: Pick<Platform, "store" | "clock">,
  job: JobName,
): Promise<void> {
  const key = { ...job, kind: trainingJobKind };
  for (;;) {
    const record = await store.get<TrainingJob>(key);
    if (!record) throw new ServiceError("ResourceNotFound", `There is no training job ${job.name}.`, { status: 404 });
    checkInterruptible(record);
    const value = interrupted(record.value, clock.now());
    try {
      await store.write([{ op: "update", key, version: record.version, value, status: "InProgress" }]);
      return;
    } catch (error) {
      // The reconciler moved the job in between: decide again.
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}

function checkInterruptible({ name, status, value: job }: TrainingJobRecord): void {
  if (!job.spec.EnableManagedSpotTraining) {
    throw validationException(`${name} is not a spot job: it was created without EnableManagedSpotTraining.`);
  }
  if (status !== "InProgress" || job.secondary !== "Training" || job.verdict) {
    throw validationException(`${name} does not train at the moment: it is ${job.secondary}.`);
  }
}
