import type { Operation } from "../operation.ts";
import { changeExperiment } from "./change.ts";
import { conflict, dayMs, mostDays } from "./experiment.ts";

/** Begins an experiment before its time. It ends when it was to end, or after 30 days if that is sooner. */
export const startInferenceExperiment: Operation<"StartInferenceExperiment"> = (input, context) =>
  changeExperiment(input.Name as string, context, ({ name, status, value }) => {
    if (status !== "Created")
      throw conflict(`Inference experiment "${name}" is ${status}; only one that is Created can be started.`);
    const startAt = context.platform.clock.now();
    return {
      status: "Starting",
      value: { ...value, startAt, endAt: Math.min(value.endAt, startAt + mostDays * dayMs) },
    };
  });
