import { validationException } from "../../../errors.ts";
import { defineResource } from "../define-resource.ts";
import type { Output } from "../operation.ts";
import type { AlgorithmValue } from "./algorithm-record.ts";

type Summary = NonNullable<Output<"ListAlgorithms">["AlgorithmSummaryList"]>[number];
type Description = Output<"DescribeAlgorithm">;

/** Algorithms: what they look like in lists and descriptions. */
export const algorithms = defineResource<AlgorithmValue, Summary, Description>({
  kind: "algorithm",
  defaultOrder: "Ascending",
  notFound: (arn) => validationException(`Algorithm ${arn} does not exist.`),
  summarize: ({ name, createdAt, value }) => ({
    AlgorithmName: name,
    AlgorithmArn: value.arn,
    ...(value.spec.AlgorithmDescription !== undefined && { AlgorithmDescription: value.spec.AlgorithmDescription }),
    CreationTime: new Date(createdAt),
    AlgorithmStatus: "Completed",
  }),
  describe: ({ createdAt, value: { arn, spec } }) =>
    ({
      ...spec,
      AlgorithmArn: arn,
      CreationTime: new Date(createdAt),
      AlgorithmStatus: "Completed",
      AlgorithmStatusDetails: {
        // Profiles are kept and not run: see decision 0154.
        ValidationStatuses: (spec.ValidationSpecification?.ValidationProfiles ?? []).map(({ ProfileName }) => ({
          Name: ProfileName,
          Status: "NotStarted",
        })),
        ImageScanStatuses: [],
      },
      CertifyForMarketplace: spec.CertifyForMarketplace ?? false,
    }) as Description,
});
