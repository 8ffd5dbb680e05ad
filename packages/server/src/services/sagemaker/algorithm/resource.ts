import { ServiceError, validationException } from "../../../errors.ts";
import { defineResource } from "../define-resource.ts";
import type { Output } from "../operation.ts";
import {
  type AlgorithmValue,
  algorithmKind,
  algorithmStatus,
  finalAlgorithmStatuses,
  type ProfileValidation,
} from "./algorithm-record.ts";

type Summary = NonNullable<Output<"ListAlgorithms">["AlgorithmSummaryList"]>[number];
type Description = Output<"DescribeAlgorithm">;

/** Algorithms: what they look like in lists and descriptions. */
export const algorithms = defineResource<AlgorithmValue, Summary, Description>({
  kind: algorithmKind,
  defaultOrder: "Ascending",
  notFound: algorithmNotFound,
  summarize: (record) => ({
    AlgorithmName: record.name,
    AlgorithmArn: record.value.arn,
    ...(record.value.spec.AlgorithmDescription !== undefined && {
      AlgorithmDescription: record.value.spec.AlgorithmDescription,
    }),
    CreationTime: new Date(record.createdAt),
    AlgorithmStatus: algorithmStatus(record),
  }),
  describe: (record) => {
    const { arn, spec, validations } = record.value;
    return {
      ...spec,
      AlgorithmArn: arn,
      CreationTime: new Date(record.createdAt),
      AlgorithmStatus: algorithmStatus(record),
      AlgorithmStatusDetails: {
        ValidationStatuses: (validations ?? neverValidated(spec)).map(({ profile, status, failureReason }) => ({
          Name: profile,
          Status: status,
          ...(failureReason !== undefined && { FailureReason: failureReason }),
        })),
        ImageScanStatuses: [],
      },
      CertifyForMarketplace: spec.CertifyForMarketplace ?? false,
    } as Description;
  },
  checkDelete(record) {
    const status = algorithmStatus(record);
    if (finalAlgorithmStatuses.includes(status)) return;
    const job = record.value.validations?.find((each) => each.status === "InProgress")?.job;
    const way = job === undefined ? "" : ` Stopping the training job ${job} ends its validation.`;
    throw new ServiceError(
      "ConflictException",
      `Algorithm ${record.value.arn} is in status ${status} and cannot be deleted while it is validated.${way}`,
      { status: 400 },
    );
  },
});

/** The error for an algorithm that is not there. */
export function algorithmNotFound(arn: string) {
  return validationException(`Algorithm ${arn} does not exist.`);
}

/** Profiles of a record from a version that ran none. */
function neverValidated(spec: AlgorithmValue["spec"]): ProfileValidation[] {
  const profiles = spec.ValidationSpecification?.ValidationProfiles ?? [];
  return profiles.map(({ ProfileName }) => ({ profile: ProfileName as string, status: "NotStarted" }));
}
