import { validationException } from "../../../errors.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import { type EndpointValue, fleetOf, productionVariants, shadowVariants } from "../../../serving/fleet.ts";
import type { StoredRecord } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import { checkKey } from "../check-key.ts";
import { models } from "../model/resource.ts";
import type { Input } from "../operation.ts";
import { dayMs, defaultDays, type ExperimentSpec, mostDays, variantNames } from "./experiment.ts";

type Schedule = Input<"CreateInferenceExperiment">["Schedule"];

/** Applies the rules of an experiment's variants and storage. @throws ValidationException with the first that is broken. */
export async function checkSpec(spec: ExperimentSpec, place: OperationPlace): Promise<void> {
  const { source, shadow } = variantNames(spec);
  const names = (spec.ModelVariants ?? []).map(({ VariantName }) => VariantName ?? "");
  if (source === shadow) {
    throw validationException(
      `ShadowModeConfig: "${source}" cannot be its own shadow; the names of both variants must differ.`,
    );
  }
  if (names.length !== 2 || !names.includes(source) || !names.includes(shadow)) {
    throw validationException(
      `ModelVariants must be the two variants of ShadowModeConfig, "${source}" and "${shadow}"; they are ${list(names)}.`,
    );
  }
  const percentage = spec.ShadowModeConfig?.ShadowModelVariants?.[0]?.SamplingPercentage ?? 0;
  if (percentage < 1) throw validationException(`SamplingPercentage is ${percentage}; it must be 1 to 100.`);
  for (const variant of spec.ModelVariants ?? []) await checkVariant(variant, place);
  await checkStorage(spec.DataStorageConfig, place);
}

/** One variant's model and instances. */
export async function checkVariant(
  variant: Input<"CreateInferenceExperiment">["ModelVariants"][number],
  place: OperationPlace,
) {
  // Reading it is checking it.
  await models.get(place, variant.ModelName ?? "");
  const count = variant.InfrastructureConfig?.RealTimeInferenceConfig?.InstanceCount ?? 0;
  if (count < 1)
    throw validationException(`InstanceCount of variant "${variant.VariantName}" is ${count}; it must be at least 1.`);
}

async function checkStorage(storage: ExperimentSpec["DataStorageConfig"], place: OperationPlace): Promise<void> {
  if (storage === undefined) return;
  checkKey("DataStorageConfig.KmsKey", storage.KmsKey, place);
  const to = parseS3Uri(storage.Destination ?? "");
  if (to !== undefined && (await place.platform.objects.hasBucket(to.bucket, place.scope.account))) return;
  throw validationException(
    `DataStorageConfig: ${storage.Destination} is not an S3 address in a bucket of this account.`,
  );
}

/**
 * The experiment changes nothing of what answers callers: its production variant is the endpoint's.
 * @throws ValidationException where it is not.
 */
export function checkEndpoint({ name, status, value }: StoredRecord<EndpointValue>, spec: ExperimentSpec): void {
  const active = fleetOf(value, "active");
  if (status !== "InService" || active === undefined) {
    throw validationException(`Endpoint "${name}" is ${status}; an inference experiment needs one that is InService.`);
  }
  if (active.asynchronous !== undefined) {
    throw validationException(`Endpoint "${name}" is asynchronous; inference experiments are for real-time endpoints.`);
  }
  const production = productionVariants(active);
  if (shadowVariants(active).length > 0) throw validationException(`Endpoint "${name}" has a shadow variant already.`);
  const [only] = production;
  const { source } = variantNames(spec);
  if (production.length !== 1 || only?.name !== source) {
    throw validationException(
      `Endpoint "${name}" must have one production variant, "${source}", as SourceModelVariantName says; it has ${list(production.map((each) => each.name))}.`,
    );
  }
  const given = spec.ModelVariants?.find(({ VariantName }) => VariantName === source)?.ModelName;
  if (given !== only.modelName) {
    throw validationException(
      `Variant "${source}" of endpoint "${name}" has the model "${only.modelName}", not "${given}": an experiment does not change what answers callers.`,
    );
  }
}

/** When an experiment begins and ends. @throws ValidationException for times that contradict each other. */
export function readSchedule(schedule: Schedule, now: number): { startAt: number; endAt: number } {
  const startAt = Math.max(now, schedule?.StartTime?.getTime() ?? now);
  const endAt = schedule?.EndTime?.getTime() ?? startAt + defaultDays * dayMs;
  if (endAt <= startAt) {
    throw validationException(
      `Schedule: EndTime (${new Date(endAt).toISOString()}) must be after the start (${new Date(startAt).toISOString()}).`,
    );
  }
  if (endAt - startAt > mostDays * dayMs) {
    throw validationException(`Schedule: an inference experiment may take ${mostDays} days at most.`);
  }
  return { startAt, endAt };
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", ");
}
