import { validationException } from "../../../errors.ts";
import { bakingMs, type Deployment, shareOf } from "../../../serving/deployment.ts";
import {
  containersOf,
  type EndpointValue,
  type Fleet,
  fleetOf,
  productionVariants,
  shadowVariants,
  type Variant,
} from "../../../serving/fleet.ts";
import type { Store, StoredRecord } from "../../../store/store.ts";
import { defineResource } from "../define-resource.ts";
import { serverlessConfigOf } from "../endpoint-config/serverless-config.ts";
import { componentsOf, instancesOf } from "../inference-component/hosting.ts";
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
  describe: async (record, { platform }) => {
    const { value } = record;
    const active = await withManagedCounts(platform.store, record);
    const incoming = fleetOf(value, "incoming");
    return {
      EndpointName: record.name,
      EndpointArn: value.arn,
      EndpointConfigName: value.configName,
      EndpointStatus: record.status as Status,
      ...(value.failureReason !== undefined && { FailureReason: value.failureReason }),
      ...times(record),
      // SageMaker shows variants once they were asked for and keeps quiet about those of a failed endpoint.
      ...(active && describeVariants(active)),
      ...(incoming && { PendingDeploymentSummary: describePending(incoming, active && value.deployment) }),
      ...(active?.asynchronous && {
        AsyncInferenceConfig: active.asynchronous.given as NonNullable<Description["AsyncInferenceConfig"]>,
      }),
      ...(value.lastDeploymentConfig !== undefined && {
        LastDeploymentConfig: value.lastDeploymentConfig as NonNullable<Description["LastDeploymentConfig"]>,
      }),
    };
  },
});

/** The active fleet, with as many instances as its components need where that is what decides. */
async function withManagedCounts(store: Store, record: StoredRecord<EndpointValue>): Promise<Fleet | undefined> {
  const active = fleetOf(record.value, "active");
  if (active?.variants.some(({ managed }) => managed !== undefined) !== true) return active;
  const components = await componentsOf(store, record, record.name);
  const variants = active.variants.map((host) => ({ ...host, desiredInstanceCount: instancesOf(host, components) }));
  return { ...active, variants };
}

function times(record: StoredRecord): { CreationTime: Date; LastModifiedTime: Date } {
  return { CreationTime: new Date(record.createdAt), LastModifiedTime: new Date(record.modifiedAt) };
}

function describeVariants(fleet: Fleet) {
  const describe = (variant: Variant) => describeVariant(variant, fleet.since);
  const shadows = shadowVariants(fleet).map(describe);
  return {
    ProductionVariants: productionVariants(fleet).map(describe),
    ...(shadows.length > 0 && { ShadowProductionVariants: shadows }),
  };
}

function describeVariant(variant: Fleet["variants"][number], resolvedAt: number) {
  const { name: VariantName, weight, desiredInstanceCount: DesiredInstanceCount } = variant;
  if (variant.hostsComponents) {
    // Nothing comes up in them, so they are there as soon as they are wanted.
    const CurrentInstanceCount = DesiredInstanceCount;
    const { managed } = variant;
    return {
      ...{ VariantName, CurrentWeight: weight, DesiredWeight: weight, CurrentInstanceCount, DesiredInstanceCount },
      ...(managed && {
        ManagedInstanceScaling: {
          ...{ Status: "ENABLED" as const, MinInstanceCount: managed.min, MaxInstanceCount: managed.max },
        },
      }),
    };
  }
  const { serverless } = variant;
  const config = serverless && serverlessConfigOf(serverless);
  // One without environments takes requests all the same: only a stopped one is at 0.
  const least = serverless === undefined || serverless.isStopped ? 0 : 1;
  return {
    ...(config && { CurrentServerlessConfig: config, DesiredServerlessConfig: config }),
    VariantName: variant.name,
    DeployedImages: containersOf(variant).map(({ image }) => ({
      ...{ SpecifiedImage: image, ResolvedImage: image, ResolutionTime: new Date(resolvedAt) },
    })),
    CurrentWeight: variant.weight,
    DesiredWeight: variant.weight,
    CurrentInstanceCount: variant.instances.filter(({ phase }) => phase === "ready").length,
    DesiredInstanceCount: Math.max(least, variant.desiredInstanceCount),
  };
}

function describePending(
  fleet: Fleet,
  deployment: Deployment | undefined,
): NonNullable<Description["PendingDeploymentSummary"]> {
  const share = deployment === undefined ? 0 : shareOf(deployment);
  const describe = (variant: Variant) => {
    const { CurrentWeight: weight, ...described } = describeVariant(variant, fleet.since);
    return {
      ...described,
      ...(share > 0 && { CurrentWeight: weight * share }),
      VariantStatus: [variantStatus(fleet, variant, deployment)],
    };
  };
  const shadows = shadowVariants(fleet).map(describe);
  return {
    EndpointConfigName: fleet.configName,
    StartTime: new Date(fleet.since),
    ProductionVariants: productionVariants(fleet).map(describe),
    ...(shadows.length > 0 && { ShadowProductionVariants: shadows }),
  };
}

type VariantStatus = NonNullable<
  NonNullable<NonNullable<Description["PendingDeploymentSummary"]>["ProductionVariants"]>[number]["VariantStatus"]
>[number];

/** What an incoming variant waits for, in SageMaker's sentences. */
function variantStatus(fleet: Fleet, variant: Variant, deployment: Deployment | undefined): VariantStatus {
  const count = variant.instances.filter(({ phase }) => phase === "ready").length;
  const missing = variant.desiredInstanceCount - count;
  if (deployment === undefined || deployment.taken === 0 || (deployment.kind === "rolling" && missing > 0)) {
    return {
      Status: "Creating",
      StatusMessage: `Launching ${Math.max(missing, 0)} instance(s).`,
      StartTime: new Date(fleet.since),
    };
  }
  const isLast = deployment.taken === deployment.shares.length;
  const seconds = bakingMs(deployment) / 1_000;
  const wait = isLast ? "TerminationWaitInSeconds" : "WaitIntervalInSeconds";
  const capacity = isLast
    ? `full capacity of ${count}`
    : `canary capacity of ${Math.ceil(variant.desiredInstanceCount * shareOf(deployment))}`;
  return {
    Status: "Baking",
    StatusMessage: `Baking for ${seconds} seconds (${wait}) with traffic enabled on ${capacity} instance(s).`,
    StartTime: new Date(deployment.since),
  };
}
