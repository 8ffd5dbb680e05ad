import { randomBytes } from "node:crypto";
import type { OperationPlace } from "../../service.ts";
import type { EndpointConfigValue } from "../endpoint-config/endpoint-config-record.ts";
import { endpointConfigs } from "../endpoint-config/resource.ts";
import type { Input } from "../operation.ts";
import { type ExperimentRecord, type ExperimentSpec, type StopRequest, variantNames } from "./experiment.ts";

type Config = Input<"CreateEndpointConfig">;
type ProductionVariant = Config["ProductionVariants"][number];
type ModelVariant = NonNullable<ExperimentSpec["ModelVariants"]>[number];

/** A name for a configuration of an experiment: nobody else's, whatever the experiment is called. */
export function configName(experiment: string): string {
  return `${experiment.slice(0, 45).replace(/-+$/u, "")}-shadow-${randomBytes(4).toString("hex")}`;
}

/** The endpoint while the experiment runs: its production variant, and the shadow that gets a share of its requests. */
export async function runningConfig(
  name: string,
  record: ExperimentRecord,
  spec: ExperimentSpec,
  place: OperationPlace,
): Promise<Config> {
  const before = await originalConfig(record, place);
  const { source, shadow } = variantNames(spec);
  const percentage = spec.ShadowModeConfig?.ShadowModelVariants?.[0]?.SamplingPercentage ?? 100;
  return {
    ...kept(before, record),
    EndpointConfigName: name,
    ProductionVariants: [{ ...variantOf(spec, source, before), InitialVariantWeight: 1 }],
    ShadowProductionVariants: [{ ...variantOf(spec, shadow, before), InitialVariantWeight: percentage / 100 }],
    ...(spec.DataStorageConfig && { DataCaptureConfig: captureOf(spec.DataStorageConfig) }),
  };
}

/** The endpoint after the experiment, as StopInferenceExperiment says. */
export async function endConfig(
  name: string,
  record: ExperimentRecord,
  stop: StopRequest,
  place: OperationPlace,
): Promise<Config> {
  const before = await originalConfig(record, place);
  const { source, shadow } = variantNames(record.value.spec);
  const desired = (variant: string): ProductionVariant => {
    const given = stop.variants?.find(({ VariantName }) => VariantName === variant);
    return { ...variantOf(record.value.spec, variant, before, given), InitialVariantWeight: 1 };
  };
  const production = [
    ...(stop.actions[source] === "Retain" ? [desired(source)] : []),
    ...(stop.actions[shadow] === "Promote" ? [desired(shadow)] : []),
  ];
  const percentage = record.value.spec.ShadowModeConfig?.ShadowModelVariants?.[0]?.SamplingPercentage ?? 100;
  return {
    ...kept(before, record),
    EndpointConfigName: name,
    ProductionVariants: production,
    ...(stop.actions[shadow] === "Retain" && {
      ShadowProductionVariants: [{ ...desired(shadow), InitialVariantWeight: percentage / 100 }],
    }),
  };
}

/** Whether ending the experiment gives the endpoint back the configuration that it had before. */
export function endsAsBefore({ value }: ExperimentRecord, { actions, variants }: StopRequest): boolean {
  const { source, shadow } = variantNames(value.spec);
  return actions[source] === "Retain" && actions[shadow] === "Remove" && (variants ?? []).length === 0;
}

/** What the endpoint had, unless its configuration was deleted meanwhile. */
export async function originalConfig(
  { value }: ExperimentRecord,
  place: OperationPlace,
): Promise<EndpointConfigValue["spec"] | undefined> {
  if (value.originalConfig === undefined) return undefined;
  const key = endpointConfigs.key(place.scope, value.originalConfig);
  return (await place.platform.store.get<EndpointConfigValue>(key))?.value.spec;
}

/** What of a configuration is not about its variants. */
function kept(before: EndpointConfigValue["spec"] | undefined, { value }: ExperimentRecord) {
  const { EndpointConfigName: _, ProductionVariants: __, ShadowProductionVariants: ___, ...rest } = before ?? {};
  return { ...rest, ...(value.kmsKey !== undefined && { KmsKeyId: value.kmsKey }) };
}

/** A variant as the experiment describes it, with whatever else the endpoint's own one says. */
function variantOf(
  spec: ExperimentSpec,
  name: string,
  before: EndpointConfigValue["spec"] | undefined,
  desired?: ModelVariant,
): ProductionVariant {
  const given = desired ?? spec.ModelVariants?.find(({ VariantName }) => VariantName === name);
  const { InstanceType, InstanceCount } = given?.InfrastructureConfig?.RealTimeInferenceConfig ?? {};
  return {
    ...before?.ProductionVariants.find(({ VariantName }) => VariantName === name),
    ...{ VariantName: name, ModelName: given?.ModelName },
    ...{ InstanceType: InstanceType as ProductionVariant["InstanceType"], InitialInstanceCount: InstanceCount },
  };
}

function captureOf({
  Destination,
  KmsKey,
  ContentType,
}: NonNullable<ExperimentSpec["DataStorageConfig"]>): Config["DataCaptureConfig"] {
  return {
    ...{ EnableCapture: true, InitialSamplingPercentage: 100, DestinationS3Uri: Destination },
    CaptureOptions: [{ CaptureMode: "InputAndOutput" }],
    ...(KmsKey && { KmsKeyId: KmsKey }),
    ...(ContentType && { CaptureContentTypeHeader: ContentType }),
  };
}
