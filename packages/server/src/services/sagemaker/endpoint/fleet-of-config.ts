import { ServiceError } from "../../../errors.ts";
import { thisHost } from "../../../instance-types/fit-to-host.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import type { CaptureSettings } from "../../../serving/capture/capture-settings.ts";
import { containersOf, type Fleet, plainMetrics, type Variant } from "../../../serving/fleet.ts";
import { environmentType } from "../../../serving/serverless/serverless-settings.ts";
import type { OperationPlace } from "../../service.ts";
import { checkInstancesFit } from "../account-quotas.ts";
import { asyncSettingsOf } from "../endpoint-config/async-inference-config.ts";
import type { EndpointConfigValue, ProductionVariant } from "../endpoint-config/endpoint-config-record.ts";
import { endpointConfigs } from "../endpoint-config/resource.ts";
import { serverlessSettingsOf } from "../endpoint-config/serverless-config.ts";
import { models } from "../model/resource.ts";
import { type ModelContainers, serversOfModel } from "../model-instance/model-container.ts";

/** Memory of the host that an instance must at least find: what a built-in algorithm's server takes when idle, doubled. */
const leastInstanceBytes = 96 * 1024 ** 2;

/** Instances that are room for inference components run nothing themselves. */
const noContainer: ModelContainers["container"] = { image: "", environment: {}, needsIsolation: false };

/** A container has 8 minutes to answer its first ping unless the variant says otherwise. */
export const startupTimeoutSeconds = 480;
/** One that requests wait for has 3. */
const serverlessStartupSeconds = 180;

/**
 * Copies a configuration and its models into a fleet without instances, so that the endpoint no longer needs them.
 * @throws ValidationException when the configuration or a model is gone.
 * @throws ServiceError `ResourceLimitExceeded` when the host cannot hold that many instances, or has not what their types have
 * while types are held to their size.
 */
export async function fleetOfConfig(context: OperationPlace, configName: string, id: number): Promise<Fleet> {
  const config = await endpointConfigs.get(context, configName);
  const hasVolumeKey = !!config.value.spec.KmsKeyId;
  const variants: Variant[] = [];
  const { ProductionVariants: production, ShadowProductionVariants: shadows = [] } = config.value.spec;
  for (const variant of [...production, ...shadows]) {
    if (variant.ModelName === undefined) {
      variants.push({
        ...variantOf(variant, "", { container: noContainer }),
        ...{ hostsComponents: true, ...managedOf(variant) },
      });
      continue;
    }
    const model = await models.get(context, variant.ModelName);
    const needsIsolation =
      config.value.spec.EnableNetworkIsolation === true || model.value.spec.EnableNetworkIsolation === true;
    const servers = serversOfModel(model.value, { needsIsolation, ...(hasVolumeKey && { hasVolumeKey }) });
    const isShadow = shadows.includes(variant);
    variants.push({ ...variantOf(variant, variant.ModelName, servers), ...(isShadow && { isShadow }) });
  }
  checkInstanceCount(`Endpoint configuration ${configName}`, variants, context);
  const asynchronous = asyncSettingsOf(config.value.spec.AsyncInferenceConfig);
  const capture = captureOf(config.value.spec.DataCaptureConfig);
  return {
    ...{ id, configName, role: "incoming", since: context.platform.clock.now(), variants },
    ...(capture !== undefined && { capture }),
    ...(asynchronous !== undefined && { asynchronous }),
    ...metricsOf(config.value.spec.MetricsConfig),
  };
}

function metricsOf(config: EndpointConfigValue["spec"]["MetricsConfig"]): Pick<Fleet, "metrics"> {
  if (config === undefined) return {};
  const everySeconds = config.MetricPublishFrequencyInSeconds ?? plainMetrics.everySeconds;
  return { metrics: { isEnhanced: config.EnableEnhancedMetrics === true, everySeconds } };
}

/**
 * Instances are processes here: a typing error in a count must not take the host down.
 * @param who - What asks for them, to begin a sentence with.
 * @param place - Says whether types are held to their size, which they are not where it is absent.
 * @throws ServiceError `ResourceLimitExceeded`.
 */
export function checkInstanceCount(who: string, variants: readonly Variant[], place?: OperationPlace): void {
  const groups = variants
    .filter(({ desiredInstanceCount }) => desiredInstanceCount > 0)
    .map(({ instanceType, desiredInstanceCount: count, acceleratorType }) => ({
      ...{ instanceType, count, acceleratorType },
    }));
  checkInstancesFit(
    groups,
    place?.platform.configuration.capacity.mode ?? "shared",
    thisHost(),
    `The instances of ${lowerFirst(who)}`,
  );
  const wanted = variants.reduce((sum, { desiredInstanceCount }) => sum + desiredInstanceCount, 0);
  const servers = variants.reduce(
    (sum, variant) => sum + variant.desiredInstanceCount * containersOf(variant).length,
    0,
  );
  const limit = Math.max(1, Math.floor(thisHost().memoryBytes / leastInstanceBytes));
  if (servers <= limit) return;
  if (servers > wanted) {
    throw new ServiceError(
      "ResourceLimitExceeded",
      `${who} asks for ${wanted} instances with ${servers} containers; this host has the memory for at most ${limit} containers.`,
      { status: 400 },
    );
  }
  throw new ServiceError(
    "ResourceLimitExceeded",
    `${who} asks for ${wanted} instances; this host has the memory for at most ${limit}.`,
    { status: 400 },
  );
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

function variantOf(variant: ProductionVariant, modelName: string, servers: ModelContainers): Variant {
  const serverless = variant.ServerlessConfig && serverlessSettingsOf(variant.ServerlessConfig);
  return {
    name: variant.VariantName,
    modelName,
    ...(variant.AcceleratorType && { acceleratorType: variant.AcceleratorType }),
    instanceType: serverless === undefined ? (variant.InstanceType ?? "") : environmentType(serverless),
    // A serverless variant shows with one environment that it works; without use that one is ended.
    desiredInstanceCount: Math.max(variant.InitialInstanceCount ?? 1, serverless?.provisioned ?? 0),
    ...(serverless !== undefined && { serverless }),
    weight: variant.InitialVariantWeight ?? 1,
    ...(variant.RoutingConfig?.RoutingStrategy === "RANDOM" && { routing: "RANDOM" }),
    startupTimeoutSeconds:
      variant.ContainerStartupHealthCheckTimeoutInSeconds ??
      (serverless === undefined ? startupTimeoutSeconds : serverlessStartupSeconds),
    ...servers,
    instances: [],
  };
}

function managedOf({ ManagedInstanceScaling: asked, InitialInstanceCount: first = 1 }: ProductionVariant) {
  if (asked?.Status !== "ENABLED") return {};
  const { MinInstanceCount: min = first, MaxInstanceCount: max = Math.max(min, first) } = asked;
  return { managed: { min, max } };
}

type DataCapture = EndpointConfigValue["spec"]["DataCaptureConfig"];

function captureOf(config: DataCapture): CaptureSettings | undefined {
  const to = parseS3Uri(config?.DestinationS3Uri ?? "");
  if (config === undefined || to === undefined || config.EnableCapture === false) return undefined;
  const modes = (config.CaptureOptions ?? []).map(({ CaptureMode }) => CaptureMode as string);
  const has = (mode: string) => modes.includes(mode) || modes.includes("InputAndOutput");
  return {
    ...{ bucket: to.bucket, prefix: to.key.replace(/\/+$/u, ""), share: (config.InitialSamplingPercentage ?? 0) / 100 },
    ...{ input: has("Input"), output: has("Output") },
    csvTypes: config.CaptureContentTypeHeader?.CsvContentTypes ?? [],
    jsonTypes: config.CaptureContentTypeHeader?.JsonContentTypes ?? [],
    ...(config.KmsKeyId && { encryption: { algorithm: "aws:kms", keyId: config.KmsKeyId } }),
  };
}
