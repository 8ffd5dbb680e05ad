import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import type { Operation } from "../operation.ts";
import { tuningJobs } from "./resource.ts";

/** Asks a tuning job to stop: it launches nothing more and stops what runs. What there is of models and logs stays. */
export const stopHyperParameterTuningJob: Operation<"StopHyperParameterTuningJob"> = async (input, context) => {
  await stopTuningJob(input.HyperParameterTuningJobName as string, context);
  return {};
};

/** The same, for the platform itself too. @throws ValidationException for a tuning job that has ended. */
export async function stopTuningJob(wanted: string, context: OperationPlace): Promise<void> {
  const { store } = context.platform;
  for (;;) {
    const { name, status, version, value } = await tuningJobs.get(context, wanted);
    if (status === "Stopping") return;
    if (status !== "InProgress") {
      throw validationException(
        `The request was rejected because the hyperparameter tuning job is in status ${status}.`,
      );
    }
    try {
      const key = tuningJobs.key(context.scope, name);
      await store.write([{ op: "update", key, version, value, status: "Stopping" }]);
      return;
    } catch (error) {
      // The reconciler moved it in between: decide again.
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}
