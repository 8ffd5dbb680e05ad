import { ServiceError } from "../../../errors.ts";
import { type EndpointValue, fleetOf } from "../../../serving/fleet.ts";
import type { Store } from "../../../store/store.ts";
import { defineResource } from "../define-resource.ts";
import { endpoints } from "../endpoint/resource.ts";
import type { Output } from "../operation.ts";
import { type ExperimentRecord, type ExperimentValue, experimentKind, variantNames } from "./experiment.ts";

type Description = Output<"DescribeInferenceExperiment">;
type Summary = NonNullable<Output<"ListInferenceExperiments">["InferenceExperiments"]>[number];
type VariantStatus = NonNullable<NonNullable<Description["ModelVariants"]>[number]["Status"]>;

/** Inference experiments: what they look like in lists and descriptions. */
export const inferenceExperiments = defineResource<ExperimentValue, Summary, Description>({
  kind: experimentKind,
  defaultOrder: "Descending",
  notFound: (arn) =>
    new ServiceError("ResourceNotFound", `Could not find inference experiment "${arn}".`, { status: 400 }),
  summarize: (record) => ({ Name: record.name, ...common(record) }),
  async describe(record, { scope, platform }) {
    const { value } = record;
    const { spec } = value;
    return {
      ...{ Arn: value.arn, Name: record.name, ...common(record) },
      EndpointMetadata: await describeEndpoint(value, platform.store, endpoints.key(scope, value.endpoint)),
      ModelVariants: (spec.ModelVariants ?? []).map((variant) => ({
        ...{ ModelName: variant.ModelName, VariantName: variant.VariantName },
        InfrastructureConfig: variant.InfrastructureConfig,
        Status: variantStatus(record, variant.VariantName ?? ""),
      })),
      ...(spec.DataStorageConfig && { DataStorageConfig: spec.DataStorageConfig }),
      ...(spec.ShadowModeConfig && { ShadowModeConfig: spec.ShadowModeConfig }),
      ...(value.kmsKey !== undefined && { KmsKey: value.kmsKey }),
    };
  },
});

function common({ status, createdAt, modifiedAt, value }: ExperimentRecord) {
  return {
    Type: "ShadowMode" as const,
    Status: status as Summary["Status"],
    Schedule: {
      StartTime: new Date(value.startedAt ?? value.startAt),
      EndTime: new Date(value.completedAt ?? value.endAt),
    },
    CreationTime: new Date(createdAt),
    LastModifiedTime: new Date(modifiedAt),
    RoleArn: value.roleArn,
    ...(value.description !== undefined && { Description: value.description }),
    ...(value.statusReason !== undefined && { StatusReason: value.statusReason }),
    ...(value.completedAt !== undefined && { CompletionTime: new Date(value.completedAt) }),
  };
}

async function describeEndpoint(value: ExperimentValue, store: Store, key: ReturnType<typeof endpoints.key>) {
  const record = await store.get<EndpointValue>(key);
  if (record === undefined || identityOf(record.value) !== value.endpointIdentity)
    return { EndpointName: value.endpoint };
  const { failureReason } = record.value;
  return {
    EndpointName: value.endpoint,
    EndpointConfigName: fleetOf(record.value, "active")?.configName ?? record.value.configName,
    EndpointStatus: record.status as NonNullable<Description["EndpointMetadata"]>["EndpointStatus"],
    ...(failureReason !== undefined && { FailureReason: failureReason }),
  };
}

/** Tells an endpoint from a later one of its name. */
export function identityOf({ arn, runPrefix }: EndpointValue): string {
  return `${arn} ${runPrefix}`;
}

function variantStatus({ status, value }: ExperimentRecord, name: string): VariantStatus {
  const isShadow = name === variantNames(value.spec).shadow;
  const isRemoved = value.stop?.actions[name] === "Remove";
  // An experiment that never began left everything as it was.
  const hasBegun = value.configs.length > 0;
  switch (status) {
    case "Created":
    case "Starting":
      return isShadow ? "Creating" : "InService";
    case "Updating":
      return "Updating";
    case "Stopping":
      return isRemoved ? "Deleting" : "InService";
    case "Completed":
    case "Cancelled":
      return isRemoved || (isShadow && !hasBegun) ? "Deleted" : "InService";
    default:
      return "InService";
  }
}
