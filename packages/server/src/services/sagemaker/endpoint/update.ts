import { validationException } from "../../../errors.ts";
import { type EndpointValue, type Fleet, fleetOf } from "../../../serving/fleet.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { Input, Operation } from "../operation.ts";
import { fleetOfConfig } from "./fleet-of-config.ts";
import { endpoints } from "./resource.ts";

/**
 * Asks for another configuration. The reconciler brings its fleet up beside the one that serves, then moves all
 * traffic at once, then lets the old one end; when the new one does not come up, the old one goes on serving.
 * @throws ValidationException when the endpoint is not InService or the configuration is not there.
 */
export const updateEndpoint: Operation<"UpdateEndpoint"> = async (input, context) => {
  checkDeployment(input.DeploymentConfig);
  const record = await endpoints.get(context, input.EndpointName);
  const { value } = record;
  const active = fleetOf(value, "active");
  if (record.status !== "InService" || active === undefined) throw notNow(value.arn, record.status);
  const asked = await fleetOfConfig(context, input.EndpointConfigName, value.nextFleet);
  const fleet = input.RetainAllVariantProperties === true ? retain(asked, active, input) : asked;
  const { failureReason: _outdated, ...kept } = value;
  const next: EndpointValue = { ...kept, nextFleet: value.nextFleet + 1, fleets: [...value.fleets, fleet] };
  const key = endpoints.key(context.scope, input.EndpointName);
  try {
    await context.platform.store.write([
      { op: "update", key, version: record.version, value: next, status: "Updating" },
    ]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    // The reconciler or another caller was faster: look at what is there now.
    return await updateEndpoint(input, context);
  }
  return { EndpointArn: value.arn };
};

/** Why an endpoint that is not InService cannot be changed. */
export function notNow(arn: string, status: string | undefined): Error {
  if (status === "Failed")
    return validationException(`Cannot update failed endpoint "${arn}". Delete it and create it again.`);
  return validationException(`Cannot update in-progress endpoint "${arn}".`);
}

/** Keeps counts and weights that were changed since the old configuration, for variants that are in both. */
function retain(asked: Fleet, active: Fleet, input: Input<"UpdateEndpoint">): Fleet {
  const excluded = new Set(
    input.ExcludeRetainedVariantProperties?.map(({ VariantPropertyType }) => VariantPropertyType as string),
  );
  const variants = asked.variants.map((variant) => {
    const old = active.variants.find(({ name }) => name === variant.name);
    if (old === undefined) return variant;
    return {
      ...variant,
      ...(!excluded.has("DesiredInstanceCount") && { desiredInstanceCount: old.desiredInstanceCount }),
      ...(!excluded.has("DesiredWeight") && { weight: old.weight }),
    };
  });
  return { ...asked, variants };
}

/** Traffic is moved all at once; whatever asks for more care is refused rather than done carelessly. */
function checkDeployment(config: Input<"UpdateEndpoint">["DeploymentConfig"]): void {
  if (config === undefined) return;
  const policy = config.BlueGreenUpdatePolicy;
  const routing = policy?.TrafficRoutingConfiguration;
  const waits = (routing?.WaitIntervalInSeconds ?? 0) + (policy?.TerminationWaitInSeconds ?? 0);
  const isPlain = routing === undefined || (routing.Type === "ALL_AT_ONCE" && waits === 0);
  if (config.RollingUpdatePolicy || config.AutoRollbackConfiguration?.Alarms?.length || !isPlain) {
    throw validationException(
      "DeploymentConfig is supported with BlueGreenUpdatePolicy, ALL_AT_ONCE and no waiting times only by this version.",
    );
  }
}
