import type { HyperParameterTuningJobSummary } from "@aws-sdk/client-sagemaker";
import { ServiceError, validationException } from "../../../errors.ts";
import { defineResource } from "../define-resource.ts";
import type { Output } from "../operation.ts";
import { describeTuningJob } from "./describe.ts";
import { isEnded, type TuningJob, tuningJobKind } from "./tuning-job.ts";

/** Tuning jobs' uniform verbs. */
export const tuningJobs = defineResource<
  TuningJob,
  HyperParameterTuningJobSummary,
  Output<"DescribeHyperParameterTuningJob">
>({
  kind: tuningJobKind,
  defaultOrder: "Ascending",
  notFound: (arn) =>
    new ServiceError("ResourceNotFound", `Amazon SageMaker can't find a tuning job with ARN ${arn}.`, { status: 400 }),
  describe: (record, context) => describeTuningJob(record, context),
  summarize: (record) => ({
    HyperParameterTuningJobName: record.name,
    HyperParameterTuningJobArn: record.value.arn,
    HyperParameterTuningJobStatus: record.status as HyperParameterTuningJobSummary["HyperParameterTuningJobStatus"],
    Strategy: record.value.spec.HyperParameterTuningJobConfig?.Strategy,
    CreationTime: new Date(record.createdAt),
    LastModifiedTime: new Date(record.modifiedAt),
    ...(record.value.endedAt !== undefined && { HyperParameterTuningEndTime: new Date(record.value.endedAt) }),
    TrainingJobStatusCounters: record.value.progress.statuses,
    ObjectiveStatusCounters: record.value.progress.objectives,
    ResourceLimits: record.value.spec.HyperParameterTuningJobConfig?.ResourceLimits,
  }),
  checkDelete(record) {
    if (isEnded(record)) return;
    throw validationException(
      `The request was rejected because the hyperparameter tuning job is in status ${record.status}; stop it first.`,
    );
  },
});
