import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { Operation } from "../operation.ts";
import { transformJobs } from "./resource.ts";

/**
 * Asks a job to stop: what is under way is dropped, and nothing is stored for it. Stopping a job that is stopping already
 * changes nothing.
 */
export const stopTransformJob: Operation<"StopTransformJob"> = async (input, context) => {
  for (;;) {
    const record = await transformJobs.get(context, input.TransformJobName);
    if (record.status === "Stopping") return {};
    if (record.status !== "InProgress") {
      throw validationException(`The request was rejected because the transform job is in status ${record.status}.`);
    }
    const key = transformJobs.key(context.scope, input.TransformJobName);
    const { version, value } = record;
    try {
      await context.platform.store.write([{ op: "update", key, version, value, status: "Stopping" }]);
      return {};
    } catch (error) {
      // The reconciler moved the job in between: decide again.
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
};
