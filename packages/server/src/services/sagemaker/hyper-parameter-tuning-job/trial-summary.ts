import type { HyperParameterTrainingJobSummary } from "@aws-sdk/client-sagemaker";
import { definitionsOf } from "./definitions.ts";
import { objectiveStatus, type TuningJobRecord, type TuningTrialRecord } from "./tuning-job.ts";

/** One training job of a tuning job, as lists and descriptions show it. */
export type TrialSummary = HyperParameterTrainingJobSummary;

/** A trial as the service shows it. */
export function summarizeTrial(tuningJob: TuningJobRecord, { value, createdAt }: TuningTrialRecord): TrialSummary {
  const { startedAt, endedAt, failureReason, objective } = value;
  const { definition, objective: judgedBy } = definitionsOf(tuningJob.value.spec)[value.definition] ?? {};
  return {
    ...(definition?.DefinitionName !== undefined && { TrainingJobDefinitionName: definition.DefinitionName }),
    TrainingJobName: value.job,
    TrainingJobArn: value.jobArn,
    TuningJobName: tuningJob.name,
    CreationTime: new Date(createdAt),
    ...(startedAt !== undefined && { TrainingStartTime: new Date(startedAt) }),
    ...(endedAt !== undefined && { TrainingEndTime: new Date(endedAt) }),
    TrainingJobStatus: value.status,
    TunedHyperParameters: value.values,
    ...(failureReason !== undefined && { FailureReason: failureReason }),
    ...(objective !== undefined && {
      FinalHyperParameterTuningJobObjectiveMetric: {
        Type: judgedBy?.Type,
        MetricName: judgedBy?.MetricName,
        Value: objective,
      },
    }),
    ObjectiveStatus: objectiveStatus(value),
  };
}
