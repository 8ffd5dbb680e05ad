import { validationException } from "../../../errors.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import type { OperationPlace } from "../../service.ts";
import { checkKey } from "../check-key.ts";
import { models } from "../model/resource.ts";
import { checkAsyncInference } from "./async-inference-config.ts";
import type { EndpointConfigValue, ProductionVariant } from "./endpoint-config-record.ts";
import { checkServerless, checkServerlessModel } from "./serverless-config.ts";

/** Members that change how an endpoint behaves and that are not built yet: better refused than silently ignored. */
const notYet = ["ExplainerConfig"] as const;
const variantNotYet = ["InstancePools", "CapacityReservationConfig"] as const;

/**
 * Applies the rules of CreateEndpointConfig that the model of the API cannot state.
 * @throws ValidationException with the first rule that is broken.
 */
export async function checkEndpointConfig(spec: EndpointConfigValue["spec"], context: OperationPlace): Promise<void> {
  const given: Readonly<Record<string, unknown>> = { ...spec };
  for (const member of notYet) if (isPresent(given[member])) throw unsupported(member);
  await checkAsyncInference(spec, context);
  checkServerless(spec);
  await checkCapture(spec.DataCaptureConfig, context);
  checkKey("KmsKeyId", spec.KmsKeyId, context);
  const shadows = spec.ShadowProductionVariants ?? [];
  if (shadows.length > 0 && (shadows.length > 1 || spec.ProductionVariants.length > 1)) {
    throw validationException(
      `With ShadowProductionVariants there must be one production variant and one shadow variant; there are ${spec.ProductionVariants.length} and ${shadows.length}.`,
    );
  }
  if (shadows.length > 0 && spec.AsyncInferenceConfig !== undefined) {
    throw validationException("ShadowProductionVariants: an asynchronous endpoint has no shadow variants.");
  }
  const names = new Set<string>();
  for (const variant of [...spec.ProductionVariants, ...shadows]) {
    if (names.has(variant.VariantName)) {
      throw validationException(
        `Duplicate variant name "${variant.VariantName}": names must differ within a configuration.`,
      );
    }
    names.add(variant.VariantName);
    checkVariant(variant);
    if (variant.ModelName === undefined) continue;
    // Reading it is checking it: SageMaker refuses a configuration whose model is not there.
    const model = await models.get(context, variant.ModelName);
    if (variant.ServerlessConfig !== undefined) checkServerlessModel(model.value.spec);
  }
  checkHosts(spec);
}

/** Variants without a model are room for inference components, whose role the configuration has. */
function checkHosts(spec: EndpointConfigValue["spec"]): void {
  const { ProductionVariants: variants, ShadowProductionVariants: shadows = [] } = spec;
  const hosts = [...variants, ...shadows].filter(({ ModelName }) => ModelName === undefined);
  if (hosts.length === 0) return;
  if (shadows.length > 0) throw unsupported("ShadowProductionVariants with inference components");
  if (spec.AsyncInferenceConfig !== undefined) throw unsupported("AsyncInferenceConfig with inference components");
  if (hosts.length < variants.length || variants.length > 1) {
    throw validationException(
      "An endpoint configuration for inference components has exactly one production variant, and it has no ModelName.",
    );
  }
  if (spec.ExecutionRoleArn === undefined) {
    throw validationException("ExecutionRoleArn must be given for an endpoint configuration without ModelName.");
  }
}

/** What is captured must have a place to go before the first request comes. */
async function checkCapture(
  capture: EndpointConfigValue["spec"]["DataCaptureConfig"],
  context: OperationPlace,
): Promise<void> {
  if (capture === undefined || capture.EnableCapture === false) return;
  checkKey("DataCaptureConfig.KmsKeyId", capture.KmsKeyId, context);
  const to = parseS3Uri(capture.DestinationS3Uri ?? "");
  if (to !== undefined && (await context.platform.objects.hasBucket(to.bucket, context.scope.account))) return;
  throw validationException(
    `DataCaptureConfig: ${capture.DestinationS3Uri} is not an S3 address in a bucket of this account.`,
  );
}

function checkVariant(variant: ProductionVariant): void {
  const given: Readonly<Record<string, unknown>> = { ...variant };
  for (const member of variantNotYet) if (isPresent(given[member])) throw unsupported(member);
  checkManaged(variant);
  if (variant.ServerlessConfig !== undefined) return;
  const missing = ["InstanceType", "InitialInstanceCount"].filter((member) => given[member] === undefined);
  if (missing.length > 0) {
    throw validationException(`${missing.join(" and ")} must be given for variant "${variant.VariantName}".`);
  }
}

/** Only room for components is managed: that is all whose need is known. */
function checkManaged({
  ManagedInstanceScaling: managed,
  ModelName: model,
  VariantName: name,
}: ProductionVariant): void {
  if (managed?.Status !== "ENABLED") return;
  if (model !== undefined) throw unsupported("ManagedInstanceScaling of a variant with a ModelName");
  if ((managed.ScaleInPolicy ?? undefined) !== undefined) throw unsupported("ManagedInstanceScaling.ScaleInPolicy");
  const { MinInstanceCount: min = 0, MaxInstanceCount: max = min } = managed;
  if (max < min) {
    throw validationException(`MaxInstanceCount of variant "${name}" must not be less than its MinInstanceCount.`);
  }
}

function isPresent(member: unknown): boolean {
  return Array.isArray(member) ? member.length > 0 : member !== undefined;
}

function unsupported(what: string): Error {
  return validationException(`${what} is not supported by this version.`);
}
