import { hash } from "node:crypto";
import type { Values } from "../../../tuning/index.ts";
import type { Input } from "../operation.ts";
import { objectiveHyperParameter } from "../training-job/apply-algorithm.ts";
import { type Definition } from "./definitions.ts";
import type { TrialDefinition, TuningJob } from "./tuning-job.ts";

/** CreateTrainingJob's input for a trial, as its owner would have written it. */
export type ChildRequest = Input<"CreateTrainingJob">;

/**
 * The name of a trial's training job: the tuning job's, the trial's number, and eight digits that follow from both and from
 * when the tuning job was created, so that another one of the same name has other training jobs.
 */
export function childName(tuningJob: { readonly name: string; readonly createdAt: number }, trial: number): string {
  const digest = hash("sha256", `${tuningJob.name}\n${tuningJob.createdAt}\n${trial}`).slice(0, 8);
  return `${tuningJob.name}-${String(trial).padStart(3, "0")}-${digest}`;
}

/** A trial's request. @param machines - One of `machinesOf`. */
export function childRequest(
  name: string,
  { definition, objective }: Pick<Definition, "definition" | "objective">,
  values: Values,
  machines: ChildRequest["ResourceConfig"],
  tags: TuningJob["tags"],
): ChildRequest {
  const {
    DefinitionName: _name,
    TuningObjective: _objective,
    HyperParameterRanges: _ranges,
    StaticHyperParameters: fixed,
    HyperParameterTuningResourceConfig: _machines,
    ResourceConfig: _machine,
    ...shared
  } = definition;
  return {
    ...shared,
    TrainingJobName: name,
    ResourceConfig: machines,
    HyperParameters: { ...fixed, ...values, [objectiveHyperParameter]: objective.MetricName as string },
    ...(tags.length > 0 && { Tags: [...tags] }),
  } as ChildRequest;
}

/** The machines that a trial may run on, in the order in which they are tried. */
export function machinesOf(definition: TrialDefinition): readonly NonNullable<ChildRequest["ResourceConfig"]>[] {
  const { ResourceConfig, HyperParameterTuningResourceConfig: flexible } = definition;
  if (ResourceConfig) return [ResourceConfig];
  const { InstanceConfigs, InstanceType, InstanceCount, VolumeSizeInGB, VolumeKmsKeyId } = flexible ?? {};
  const key = VolumeKmsKeyId === undefined ? {} : { VolumeKmsKeyId };
  const configs = InstanceConfigs?.length ? InstanceConfigs : [{ InstanceType, InstanceCount, VolumeSizeInGB }];
  return configs.map((config) => ({
    ...{ InstanceType: config.InstanceType, InstanceCount: config.InstanceCount },
    // SageMaker's volume for those who do not say; the shape of a training job has no default.
    VolumeSizeInGB: config.VolumeSizeInGB ?? 30,
    ...key,
  }));
}
