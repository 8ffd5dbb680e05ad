import type { AutoMLJobStatus, AutoMLJobSummary } from "@aws-sdk/client-sagemaker";
import { ServiceError } from "../../../errors.ts";
import { defineResource } from "../define-resource.ts";
import type { Output } from "../operation.ts";
import { type AutoMLJob, autoMLJobKind } from "./auto-ml-job.ts";
import { describeV1 } from "./describe.ts";

/** Autopilot jobs' uniform verbs. No operation deletes one. */
export const autoMLJobs = defineResource<AutoMLJob, AutoMLJobSummary, Output<"DescribeAutoMLJob">>({
  kind: autoMLJobKind,
  defaultOrder: "Descending",
  notFound: (arn) =>
    new ServiceError("ResourceNotFound", `Amazon SageMaker can't find an AutoML job with ARN ${arn}.`, { status: 400 }),
  describe: (record, context) => describeV1(record, context),
  summarize: (record) => {
    const { arn, secondary, endedAt, failureReason, partialFailures } = record.value;
    return {
      ...{ AutoMLJobName: record.name, AutoMLJobArn: arn, AutoMLJobSecondaryStatus: secondary },
      AutoMLJobStatus: record.status as AutoMLJobStatus,
      CreationTime: new Date(record.createdAt),
      LastModifiedTime: new Date(record.modifiedAt),
      ...(endedAt !== undefined && { EndTime: new Date(endedAt) }),
      ...(failureReason !== undefined && { FailureReason: failureReason }),
      ...(partialFailures.length > 0 && {
        PartialFailureReasons: partialFailures.map((PartialFailureMessage) => ({ PartialFailureMessage })),
      }),
    };
  },
});
