import type { TransformJobSummary } from "@aws-sdk/client-sagemaker";
import { validationException } from "../../../errors.ts";
import { defineResource } from "../define-resource.ts";
import type { Output } from "../operation.ts";
import { type TransformJob, type TransformJobRecord, transformJobKind } from "./transform-job.ts";

type Description = Output<"DescribeTransformJob">;
type Status = NonNullable<Description["TransformJobStatus"]>;

/** Transform jobs' uniform verbs. */
export const transformJobs = defineResource<TransformJob, TransformJobSummary, Description>({
  kind: transformJobKind,
  defaultOrder: "Descending",
  notFound: (_, name) => validationException(`Could not find requested job with name: ${name}`),
  describe,
  summarize: (record) => ({
    TransformJobName: record.name,
    TransformJobArn: record.value.arn,
    CreationTime: new Date(record.createdAt),
    ...(record.value.endedAt !== undefined && { TransformEndTime: new Date(record.value.endedAt) }),
    LastModifiedTime: new Date(record.modifiedAt),
    TransformJobStatus: record.status as Status,
    ...failure(record.value),
  }),
});

/** The request, completed with what the service fills in, and the job's state. */
function describe(record: TransformJobRecord): Description {
  const { spec, arn, startedAt, endedAt } = record.value;
  return {
    ...spec,
    TransformJobArn: arn,
    TransformJobStatus: record.status as Status,
    ...failure(record.value),
    TransformInput: {
      CompressionType: "None",
      SplitType: "None",
      ...spec.TransformInput,
    } as Description["TransformInput"],
    // SDKs read KmsKeyId without looking whether it is there.
    TransformOutput: { AssembleWith: "None", KmsKeyId: "", ...spec.TransformOutput } as NonNullable<
      Description["TransformOutput"]
    >,
    DataProcessing: { InputFilter: "$", OutputFilter: "$", JoinSource: "None", ...spec.DataProcessing },
    CreationTime: new Date(record.createdAt),
    ...(startedAt !== undefined && { TransformStartTime: new Date(startedAt) }),
    ...(endedAt !== undefined && { TransformEndTime: new Date(endedAt) }),
  };
}

function failure({ failureReason }: TransformJob): { FailureReason?: string } {
  return failureReason === undefined ? {} : { FailureReason: failureReason };
}
