import { validationException } from "../../../errors.ts";
import { type EndpointValue, type Fleet, fleetOf, type Variant } from "../../../serving/fleet.ts";
import type { ServerlessSettings } from "../../../serving/serverless/serverless-settings.ts";
import { WriteConflict } from "../../../store/store.ts";
import { checkConcurrency } from "../endpoint-config/serverless-config.ts";
import type { Input, Operation } from "../operation.ts";
import { checkInstanceCount } from "./fleet-of-config.ts";
import { endpoints } from "./resource.ts";
import { sendTestNotifications } from "./test-notification.ts";
import { notNow } from "./update.ts";

type Desired = Input<"UpdateEndpointWeightsAndCapacities">["DesiredWeightsAndCapacities"];

/**
 * Changes the shares of traffic and the instance counts of variants that serve. Shares change at once; the reconciler
 * brings up what is missing and lets end what is too much. A count of 0 stops a variant, for as long as one likes.
 * @throws ValidationException when the endpoint is not InService or has no such variant.
 */
export const updateEndpointWeightsAndCapacities: Operation<"UpdateEndpointWeightsAndCapacities"> = async (
  input,
  context,
) => {
  const record = await endpoints.get(context, input.EndpointName);
  const { value } = record;
  const active = fleetOf(value, "active");
  if (record.status !== "InService" || active === undefined) throw notNow(value.arn, record.status);
  const changed = change(active, input.DesiredWeightsAndCapacities, value.arn);
  checkInstanceCount(`Endpoint ${input.EndpointName}`, changed.variants, context);
  const { failureReason: _outdated, ...kept } = value;
  const fleets = value.fleets.map((fleet) => (fleet.id === changed.id ? changed : fleet));
  const next: EndpointValue = { ...kept, fleets };
  const key = endpoints.key(context.scope, input.EndpointName);
  try {
    await context.platform.store.write([
      { op: "update", key, version: record.version, value: next, status: "Updating" },
    ]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    // The reconciler or another caller was faster: look at what is there now.
    return await updateEndpointWeightsAndCapacities(input, context);
  }
  await sendTestNotifications(active, context);
  return { EndpointArn: value.arn };
};

function change(active: Fleet, desired: Desired, arn: string): Fleet {
  const wanted = new Map<string | undefined, Desired[number]>();
  for (const each of desired) {
    if (wanted.has(each.VariantName)) throw validationException(`Variant "${each.VariantName}" is given twice.`);
    wanted.set(each.VariantName, each);
    if (!active.variants.some(({ name }) => name === each.VariantName)) {
      throw validationException(`Could not find variant "${each.VariantName}" of endpoint "${arn}".`);
    }
  }
  return { ...active, variants: active.variants.map((variant) => changeVariant(variant, wanted.get(variant.name))) };
}

/** Concurrency changes at once. A count of 0 stops a serverless variant, any other one lets it be used again. */
function changeServerless(variant: Variant, settings: ServerlessSettings, desired: Desired[number]): Variant {
  const { DesiredInstanceCount: count, ServerlessUpdateConfig: update } = desired;
  if (count !== undefined && count > 0 && !settings.isStopped) {
    throw validationException(
      `DesiredInstanceCount: variant "${variant.name}" is serverless; use ServerlessUpdateConfig. A count of 0 stops it.`,
    );
  }
  const { isStopped: was, ...before } = settings;
  const isStopped = count === undefined ? was === true : count === 0;
  const changed: ServerlessSettings = {
    ...before,
    maxConcurrency: update?.MaxConcurrency ?? before.maxConcurrency,
    provisioned: update?.ProvisionedConcurrency ?? before.provisioned,
    ...(isStopped && { isStopped }),
  };
  checkConcurrency(changed.maxConcurrency, changed.provisioned);
  const { crashes: _over, ...kept } = variant;
  const least = count === undefined ? variant.desiredInstanceCount : 1;
  return {
    ...kept,
    serverless: changed,
    desiredInstanceCount: isStopped ? 0 : Math.max(least, changed.provisioned),
    weight: desired.DesiredWeight ?? variant.weight,
  };
}

function changeVariant(variant: Variant, desired: Desired[number] | undefined): Variant {
  if (desired === undefined) return variant;
  if (variant.serverless !== undefined) return changeServerless(variant, variant.serverless, desired);
  if (desired.ServerlessUpdateConfig !== undefined) {
    throw validationException(`ServerlessUpdateConfig: variant "${variant.name}" is not serverless.`);
  }
  // Crashes before this do not count against the new instances.
  const { crashes: _over, ...kept } = variant;
  return {
    ...kept,
    desiredInstanceCount: desired.DesiredInstanceCount ?? variant.desiredInstanceCount,
    weight: desired.DesiredWeight ?? variant.weight,
  };
}
