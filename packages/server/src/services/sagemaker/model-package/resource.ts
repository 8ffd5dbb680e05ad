import { validationException } from "../../../errors.ts";
import type { StoredRecord } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import { defineResource } from "../define-resource.ts";
import { findByNameOrArn } from "../find-by-arn.ts";
import type { Output } from "../operation.ts";
import { type ModelPackageValue, modelPackageKind } from "./model-package-record.ts";

type Summary = NonNullable<Output<"ListModelPackages">["ModelPackageSummaryList"]>[number];
type Description = Output<"DescribeModelPackage">;

/** Model packages: what they look like in lists and descriptions. */
export const modelPackages = defineResource<ModelPackageValue, Summary, Description>({
  kind: modelPackageKind,
  defaultOrder: "Descending",
  notFound,
  summarize: ({ name, createdAt, value: { arn, spec } }) => ({
    ModelPackageName: name,
    ModelPackageArn: arn,
    ...(spec.ModelPackageDescription !== undefined && { ModelPackageDescription: spec.ModelPackageDescription }),
    CreationTime: new Date(createdAt),
    ModelPackageStatus: "Completed",
  }),
  describe: ({ name, createdAt, value: { arn, spec, inference } }) =>
    ({
      ...spec,
      ModelPackageName: name,
      ModelPackageArn: arn,
      CreationTime: new Date(createdAt),
      InferenceSpecification: inference,
      ModelPackageStatus: "Completed",
      ModelPackageStatusDetails: { ValidationStatuses: [], ImageScanStatuses: [] },
      CertifyForMarketplace: spec.CertifyForMarketplace ?? false,
    }) as Description,
});

/** The package of a name or ARN. @throws ValidationException when there is none. */
export function findModelPackage(nameOrArn: string, context: OperationPlace): Promise<StoredRecord<ModelPackageValue>> {
  return findByNameOrArn(modelPackages, nameOrArn, context, notFound);
}

function notFound(arn: string) {
  return validationException(`ModelPackage ${arn} does not exist.`);
}
