import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import type { Operation } from "../operation.ts";
import { trainingJobs } from "./resource.ts";
import { stopping } from "./verdicts.ts";

/**
 * Asks a job to stop: it gets SIGTERM, 120 seconds to write what it has, then SIGKILL; what it wrote is uploaded.
 * Stopping a job that is stopping already changes nothing.
 */
export const stopTrainingJob: Operation<"StopTrainingJob"> = async (input, context) => {
  await requestStop(input.TrainingJobName as string, context);
  return {};
};

/** The same, for the platform itself too. @throws ValidationException for a job that has ended, or is not there. */
export async function requestStop(name: string, context: OperationPlace): Promise<void> {
  const { store, clock } = context.platform;
  for (;;) {
    const record = await trainingJobs.get(context, name);
    if (record.status === "Stopping") return;
    if (record.status !== "InProgress") {
      throw validationException(`The request was rejected because the training job is in status ${record.status}.`);
    }
    // It failed a moment ago and is about to say so.
    if (record.value.verdict?.status === "Failed") return;
    const value = stopping(record.value, "user", clock.now());
    const key = trainingJobs.key(context.scope, name);
    try {
      await store.write([{ op: "update", key, version: record.version, value, status: "Stopping" }]);
      return;
    } catch (error) {
      // The reconciler moved the job in between: decide again.
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}
