import type { TrainingJobSummary } from "@aws-sdk/client-sagemaker";
import { validationException } from "../../../errors.ts";
import { defineResource } from "../define-resource.ts";
import type { Output } from "../operation.ts";
import { describe } from "./describe.ts";
import { isFinal, type TrainingJob, type TrainingJobRecord, trainingJobKind } from "./training-job.ts";
import { isAvailable, warmPoolStatus } from "./warm-pool.ts";

/** Training jobs' uniform verbs. */
export const trainingJobs = defineResource<TrainingJob, TrainingJobSummary, Output<"DescribeTrainingJob">>({
  kind: trainingJobKind,
  defaultOrder: "Ascending",
  notFound: () => validationException("Requested resource not found."),
  describe,
  summarize: (record, { platform }) => ({
    TrainingJobName: record.name,
    TrainingJobArn: record.value.arn,
    CreationTime: new Date(record.createdAt),
    ...(record.value.endedAt !== undefined && { TrainingEndTime: new Date(record.value.endedAt) }),
    LastModifiedTime: new Date(record.modifiedAt),
    TrainingJobStatus: record.status as NonNullable<TrainingJobSummary["TrainingJobStatus"]>,
    SecondaryStatus: record.value.secondary,
    ...shownPool(record, platform.clock.now()),
  }),
  checkDelete(record, { platform }) {
    if (!isFinal(record)) {
      throw validationException(`The request was rejected because the training job is in status ${record.status}.`);
    }
    if (isAvailable(record, platform.clock.now())) {
      throw validationException(
        "The request was rejected because the training job has a warm pool in status Available: end it first, with UpdateTrainingJob and KeepAlivePeriodInSeconds 0.",
      );
    }
  },
});

function shownPool(record: TrainingJobRecord, now: number): Pick<TrainingJobSummary, "WarmPoolStatus"> {
  const status = warmPoolStatus(record, now);
  return status ? { WarmPoolStatus: status } : {};
}
