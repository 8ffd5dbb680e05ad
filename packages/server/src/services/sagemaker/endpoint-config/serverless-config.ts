import { validationException } from "../../../errors.ts";
import type { ServerlessSettings } from "../../../serving/serverless/serverless-settings.ts";
import type { ModelValue } from "../model/model-record.ts";
import type { EndpointConfigValue, ProductionVariant } from "./endpoint-config-record.ts";

type ServerlessConfig = NonNullable<ProductionVariant["ServerlessConfig"]>;

/** Of an environment, in MB. */
const memorySizes = [1024, 2048, 3072, 4096, 5120, 6144];

/**
 * Checks a configuration with a serverless variant, and whether what else it asks for goes with one.
 * @throws ValidationException naming the member.
 */
export function checkServerless(spec: EndpointConfigValue["spec"]): void {
  const variant = spec.ProductionVariants.find(({ ServerlessConfig }) => ServerlessConfig !== undefined);
  if (variant?.ServerlessConfig === undefined) return;
  const excluded = [
    ["several production variants", spec.ProductionVariants.length > 1],
    ["InstanceType", variant.InstanceType !== undefined],
    ["InitialInstanceCount", variant.InitialInstanceCount !== undefined],
    ["AcceleratorType", variant.AcceleratorType !== undefined],
    ["DataCaptureConfig", spec.DataCaptureConfig !== undefined && spec.DataCaptureConfig.EnableCapture !== false],
    ["ShadowProductionVariants", (spec.ShadowProductionVariants ?? []).length > 0],
    ["EnableNetworkIsolation", spec.EnableNetworkIsolation === true],
    ["VpcConfig", spec.VpcConfig !== undefined],
  ] as const;
  for (const [what, isGiven] of excluded) {
    if (isGiven) throw validationException(`Serverless endpoints do not support ${what}.`);
  }
  checkServerlessConfig(variant.ServerlessConfig);
}

/**
 * Checks that a model is one that a serverless variant can have.
 * @throws ValidationException naming what it must not have.
 */
export function checkServerlessModel(model: ModelValue["spec"]): void {
  const containers = model.PrimaryContainer === undefined ? (model.Containers ?? []) : [model.PrimaryContainer];
  const excluded = [
    ["models of several containers", containers.length > 1],
    ["multi-model containers", containers.some(({ Mode }) => Mode === "MultiModel")],
    ["ModelDataSource", containers.some(({ ModelDataSource }) => ModelDataSource !== undefined)],
    ["EnableNetworkIsolation", model.EnableNetworkIsolation === true],
    ["VpcConfig", model.VpcConfig !== undefined],
  ] as const;
  for (const [what, isGiven] of excluded) {
    if (isGiven) throw validationException(`Serverless endpoints do not support ${what}.`);
  }
}

function checkServerlessConfig({ MemorySizeInMB, MaxConcurrency, ProvisionedConcurrency }: ServerlessConfig): void {
  if (!memorySizes.includes(MemorySizeInMB)) {
    throw validationException(
      `ServerlessConfig.MemorySizeInMB must be one of ${memorySizes.join(", ")}, not ${MemorySizeInMB}.`,
    );
  }
  checkConcurrency(MaxConcurrency, ProvisionedConcurrency);
}

/** @throws ValidationException. */
export function checkConcurrency(most: number, provisioned: number | undefined): void {
  if (provisioned === undefined || provisioned <= most) return;
  throw validationException(`ProvisionedConcurrency (${provisioned}) must not be above MaxConcurrency (${most}).`);
}

/** The same as a fleet has it. */
export function serverlessSettingsOf(config: ServerlessConfig): ServerlessSettings {
  return {
    memoryMb: config.MemorySizeInMB,
    maxConcurrency: config.MaxConcurrency,
    provisioned: config.ProvisionedConcurrency ?? 0,
  };
}

/** The same as descriptions have it. */
export function serverlessConfigOf({ memoryMb, maxConcurrency, provisioned }: ServerlessSettings) {
  return {
    ...{ MemorySizeInMB: memoryMb, MaxConcurrency: maxConcurrency },
    ...(provisioned > 0 && { ProvisionedConcurrency: provisioned }),
  };
}
