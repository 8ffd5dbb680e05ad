import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { Operation } from "../operation.ts";
import { update } from "./auto-ml-job.ts";
import { autoMLJobs } from "./resource.ts";

/** Asks an Autopilot job to stop: it launches nothing more and stops what runs. Candidates that there are stay. */
export const stopAutoMLJob: Operation<"StopAutoMLJob"> = async (input, context) => {
  for (;;) {
    const record = await autoMLJobs.get(context, input.AutoMLJobName);
    if (record.status === "Stopping") return {};
    if (record.status !== "InProgress") {
      throw validationException(`The request was rejected because the AutoML job is in status ${record.status}.`);
    }
    try {
      await context.platform.store.write([update(record, { ...record.value, secondary: "Stopping" }, "Stopping")]);
      return {};
    } catch (error) {
      // The reconciler moved it in between: decide again.
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
};
