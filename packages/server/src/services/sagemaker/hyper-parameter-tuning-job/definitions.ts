import type { Objective, TrialDefinition, TuningConfig, TuningJobSpec } from "./tuning-job.ts";

/** What a tuning job may vary. */
export type Ranges = NonNullable<TuningConfig["ParameterRanges"]>;

/** One definition with what it is judged by and what is varied of it, wherever the request has these. */
export interface Definition {
  readonly definition: TrialDefinition;
  readonly objective: Objective;
  readonly ranges: Ranges;
  /** Where its ranges stand in the request, for messages. */
  readonly member: string;
}

/** The definitions of a tuning job: the single one, whose objective and ranges stand in the config, or the listed ones. */
export function definitionsOf(spec: TuningJobSpec): readonly Definition[] {
  const config = spec.HyperParameterTuningJobConfig as TuningConfig;
  if (spec.TrainingJobDefinition) {
    return [
      {
        definition: spec.TrainingJobDefinition,
        objective: config.HyperParameterTuningJobObjective as Objective,
        ranges: config.ParameterRanges ?? {},
        member: "HyperParameterTuningJobConfig.ParameterRanges",
      },
    ];
  }
  return (spec.TrainingJobDefinitions ?? []).map((definition, index) => ({
    definition,
    objective: definition.TuningObjective as Objective,
    ranges: definition.HyperParameterRanges ?? {},
    member: `TrainingJobDefinitions.${index + 1}.member.HyperParameterRanges`,
  }));
}

/** Which way the objectives of a tuning job are better: the same for all definitions. */
export function objectiveType(spec: TuningJobSpec): Objective["Type"] {
  return (definitionsOf(spec)[0] as Definition).objective.Type;
}
