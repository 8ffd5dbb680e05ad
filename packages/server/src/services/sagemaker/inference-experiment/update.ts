import { isDeepStrictEqual } from "node:util";
import { validationException } from "../../../errors.ts";
import type { Operation } from "../operation.ts";
import { changeExperiment } from "./change.ts";
import { checkSpec, readSchedule } from "./check-experiment.ts";
import { conflict, dayMs, type ExperimentSpec, type ExperimentValue, mostDays, variantNames } from "./experiment.ts";

/**
 * Changes an experiment that waits or runs. What the endpoint must change for is deployed to it, and takes hold when it
 * is there.
 */
export const updateInferenceExperiment: Operation<"UpdateInferenceExperiment"> = (input, context) =>
  changeExperiment(input.Name as string, context, async ({ name, status = "", value }) => {
    if (status !== "Created" && status !== "Running") {
      throw conflict(
        `Inference experiment "${name}" is ${status}; only one that is Created or Running can be updated.`,
      );
    }
    const spec: ExperimentSpec = {
      ModelVariants: input.ModelVariants ?? value.spec.ModelVariants,
      ShadowModeConfig: input.ShadowModeConfig ?? value.spec.ShadowModeConfig,
      ...((input.DataStorageConfig ?? value.spec.DataStorageConfig) && {
        DataStorageConfig: input.DataStorageConfig ?? value.spec.DataStorageConfig,
      }),
    };
    await checkSpec(spec, context);
    checkModels(value.spec, spec);
    const now = context.platform.clock.now();
    const next: ExperimentValue = {
      ...{ ...value, ...scheduleOf(input.Schedule, value, status, now) },
      ...(input.Description !== undefined && { description: input.Description }),
    };
    if (status === "Created") return { status, value: { ...next, spec } };
    if (isDeepStrictEqual(spec, value.spec)) return { status, value: next };
    const { statusReason: _before, ...clean } = next;
    return { status: "Updating", value: { ...clean, nextSpec: spec } };
  });

/** What is compared stays: another model would be another experiment. */
function checkModels(before: ExperimentSpec, after: ExperimentSpec): void {
  const modelsOf = (spec: ExperimentSpec) =>
    Object.fromEntries((spec.ModelVariants ?? []).map(({ VariantName, ModelName }) => [VariantName, ModelName]));
  if (
    isDeepStrictEqual(modelsOf(before), modelsOf(after)) &&
    isDeepStrictEqual(variantNames(before), variantNames(after))
  )
    return;
  throw validationException(
    "An update cannot change the variants of an experiment or their models; create another one.",
  );
}

function scheduleOf(
  schedule: Parameters<typeof readSchedule>[0],
  { startAt, endAt, startedAt }: ExperimentValue,
  status: string,
  now: number,
): { startAt: number; endAt: number } {
  if (schedule === undefined) return { startAt, endAt };
  const { StartTime, EndTime } = schedule;
  if (status === "Created") {
    return readSchedule({ StartTime: StartTime ?? new Date(startAt), EndTime: EndTime ?? new Date(endAt) }, now);
  }
  const begun = startedAt ?? startAt;
  if (StartTime !== undefined && Math.abs(StartTime.getTime() - begun) >= 1_000) {
    throw validationException("Schedule: the experiment has begun; only EndTime can be changed.");
  }
  if (EndTime === undefined) return { startAt, endAt };
  if (EndTime.getTime() <= now)
    throw validationException("Schedule: EndTime is in the past; stop the experiment instead.");
  if (EndTime.getTime() - begun > mostDays * dayMs) {
    throw validationException(`Schedule: an inference experiment may take ${mostDays} days at most.`);
  }
  return { startAt, endAt: EndTime.getTime() };
}
