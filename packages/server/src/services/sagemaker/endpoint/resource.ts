import { validationException } from "../../../errors.ts";
import { type EndpointValue, type Fleet, fleetOf } from "../../../serving/fleet.ts";
import type { StoredRecord } from "../../../store/store.ts";
import { defineResource } from "../define-resource.ts";
import type { Output } from "../operation.ts";

type Summary = NonNullable<Output<"ListEndpoints">["Endpoints"]>[number];
type Description = Output<"DescribeEndpoint">;
type Status = NonNullable<Description["EndpointStatus"]>;

/** Endpoints: what they look like in lists and descriptions. */
export const endpoints = defineResource<EndpointValue, Summary, Description>({
  kind: "endpoint",
  defaultOrder: "Descending",
  notFound: (arn) => validationException(`Could not find endpoint "${arn}".`),
  summarize: (record) => ({
    EndpointName: record.name,
    EndpointArn: record.value.arn,
    ...times(record),
    EndpointStatus: record.status as Status,
  }),
  describe: (record) => {
    const { value } = record;
    const active = fleetOf(value, "active");
    const incoming = fleetOf(value, "incoming");
    return {
      EndpointName: record.name,
      EndpointArn: value.arn,
      EndpointConfigName: value.configName,
      EndpointStatus: record.status as Status,
      ...(value.failureReason !== undefined && { FailureReason: value.failureReason }),
      ...times(record),
      // SageMaker shows variants once they were asked for and keeps quiet about those of a failed endpoint.
      ...(active && { ProductionVariants: active.variants.map((variant) => describeVariant(variant, active.since)) }),
      ...(incoming && { PendingDeploymentSummary: describePending(incoming) }),
    };
  },
});

function times(record: StoredRecord): { CreationTime: Date; LastModifiedTime: Date } {
  return { CreationTime: new Date(record.createdAt), LastModifiedTime: new Date(record.modifiedAt) };
}

function describeVariant(variant: Fleet["variants"][number], resolvedAt: number) {
  const { image } = variant.container;
  return {
    VariantName: variant.name,
    DeployedImages: [{ SpecifiedImage: image, ResolvedImage: image, ResolutionTime: new Date(resolvedAt) }],
    CurrentWeight: variant.weight,
    DesiredWeight: variant.weight,
    CurrentInstanceCount: variant.instances.filter(({ phase }) => phase === "ready").length,
    DesiredInstanceCount: variant.desiredInstanceCount,
  };
}

function describePending(fleet: Fleet): NonNullable<Description["PendingDeploymentSummary"]> {
  return {
    EndpointConfigName: fleet.configName,
    StartTime: new Date(fleet.since),
    ProductionVariants: fleet.variants.map((variant) => {
      const { CurrentWeight: _notYet, ...described } = describeVariant(variant, fleet.since);
      return {
        ...described,
        VariantStatus: [
          {
            Status: "Creating" as const,
            StatusMessage: `Launching ${variant.desiredInstanceCount} instance(s).`,
            StartTime: new Date(fleet.since),
          },
        ],
      };
    }),
  };
}
