import type { TrainingJobSummary } from "@aws-sdk/client-sagemaker";
import { validationException } from "../../../errors.ts";
import { defineResource } from "../define-resource.ts";
import type { Output } from "../operation.ts";
import { describe } from "./describe.ts";
import { isFinal, type TrainingJob, trainingJobKind } from "./training-job.ts";

/** Training jobs' uniform verbs. */
export const trainingJobs = defineResource<TrainingJob, TrainingJobSummary, Output<"DescribeTrainingJob">>({
  kind: trainingJobKind,
  defaultOrder: "Ascending",
  notFound: () => validationException("Requested resource not found."),
  describe,
  summarize: (record) => ({
    TrainingJobName: record.name,
    TrainingJobArn: record.value.arn,
    CreationTime: new Date(record.createdAt),
    ...(record.value.endedAt !== undefined && { TrainingEndTime: new Date(record.value.endedAt) }),
    LastModifiedTime: new Date(record.modifiedAt),
    TrainingJobStatus: record.status as NonNullable<TrainingJobSummary["TrainingJobStatus"]>,
    SecondaryStatus: record.value.secondary,
  }),
  checkDelete(record) {
    if (isFinal(record)) return;
    throw validationException(`The request was rejected because the training job is in status ${record.status}.`);
  },
});
