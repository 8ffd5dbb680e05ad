import { validationException } from "../../../errors.ts";
import { type EndpointValue, type Fleet, fleetOf } from "../../../serving/fleet.ts";
import { type Write, WriteConflict } from "../../../store/store.ts";
import { alarmKey } from "../../cloudwatch/alarm/current-alarm.ts";
import type { OperationPlace } from "../../service.ts";
import { checkHosts } from "../inference-component/hosting.ts";
import type { Input, Operation } from "../operation.ts";
import { type DeploymentConfig, deploymentOf } from "./deployment-config.ts";
import { fleetOfConfig } from "./fleet-of-config.ts";
import { endpoints } from "./resource.ts";
import { checkScaledVariants } from "./scale-variant.ts";
import { checkTopics, sendTestNotifications } from "./test-notification.ts";

/**
 * Asks for another configuration. The reconciler brings its fleet up beside the one that serves and moves traffic as
 * DeploymentConfig says, all at once by default, then lets the old one end; when the new one does not come up, the old
 * one goes on serving.
 * @throws ValidationException when the endpoint is not InService, the configuration is not there or the deployment contradicts itself.
 */
export const updateEndpoint: Operation<"UpdateEndpoint"> = async (input, context) => {
  const { arn, fleet } = await recordUpdate(input, context);
  await sendTestNotifications(fleet, context);
  return { EndpointArn: arn };
};

/**
 * The same for what the platform itself asks for.
 * @param beside - Writes that belong to it: all are made, or none.
 * @returns The endpoint's ARN, and the fleet that it will have.
 * @throws WriteConflict when one of those cannot be made.
 */
export async function recordUpdate(
  input: Input<"UpdateEndpoint">,
  context: OperationPlace,
  beside: readonly Write[] = [],
): Promise<{ readonly arn: string; readonly fleet: Fleet }> {
  const record = await endpoints.get(context, input.EndpointName);
  const { value } = record;
  const active = fleetOf(value, "active");
  if (record.status !== "InService" || active === undefined) throw notNow(value.arn, record.status);
  const asked = await fleetOfConfig(context, input.EndpointConfigName, value.nextFleet);
  const fleet = input.RetainAllVariantProperties === true ? retain(asked, active, input) : asked;
  await checkScaledVariants(context, input.EndpointName, active, fleet);
  await checkHosts(context, input.EndpointName, fleet);
  checkKind(asked, active, value.arn);
  await checkTopics(asked, context);
  const config = deploymentConfigOf(input, value);
  const deployment = deploymentOf(config, fleet);
  await checkAlarms(deployment.alarms, context);
  const { failureReason: _outdated, deploymentConfig: _ended, ...kept } = value;
  const next: EndpointValue = {
    ...kept,
    nextFleet: value.nextFleet + 1,
    fleets: [...value.fleets, fleet],
    deployment,
    ...(config !== undefined && { deploymentConfig: config }),
  };
  const key = endpoints.key(context.scope, input.EndpointName);
  try {
    await context.platform.store.write([
      { op: "update", key, version: record.version, value: next, status: "Updating" },
      ...beside,
    ]);
  } catch (error) {
    if (!(error instanceof WriteConflict) || error.key.kind !== key.kind) throw error;
    // The reconciler or another caller was faster: look at what is there now.
    return await recordUpdate(input, context, beside);
  }
  return { arn: value.arn, fleet };
}

/** Callers of one kind cannot call the other, and what waits in a queue would wait for ever. */
function checkKind(asked: Fleet, active: Fleet, arn: string): void {
  if (isServerless(asked) && !isServerless(active)) {
    throw validationException(
      `Cannot update endpoint "${arn}" with instances to serverless. Create another endpoint instead.`,
    );
  }
  if ((asked.asynchronous === undefined) === (active.asynchronous === undefined)) return;
  const [is, wanted] = asked.asynchronous === undefined ? ["asynchronous", "real-time"] : ["real-time", "asynchronous"];
  throw validationException(`Cannot update ${is} endpoint "${arn}" to ${wanted}. Create another endpoint instead.`);
}

/** Why an endpoint that is not InService cannot be changed. */
export function notNow(arn: string, status: string | undefined): Error {
  if (status === "Failed")
    return validationException(`Cannot update failed endpoint "${arn}". Delete it and create it again.`);
  return validationException(`Cannot update in-progress endpoint "${arn}".`);
}

function isServerless({ variants }: Fleet): boolean {
  return variants.some(({ serverless }) => serverless !== undefined);
}

/** Keeps counts and weights that were changed since the old configuration, for variants that are in both. */
function retain(asked: Fleet, active: Fleet, input: Input<"UpdateEndpoint">): Fleet {
  const excluded = new Set(
    input.ExcludeRetainedVariantProperties?.map(({ VariantPropertyType }) => VariantPropertyType as string),
  );
  const variants = asked.variants.map((variant) => {
    const old = active.variants.find(({ name }) => name === variant.name);
    if (old === undefined) return variant;
    // A serverless variant's count follows from its requests, and is no property of it.
    const hasCount = variant.serverless === undefined && old.serverless === undefined;
    return {
      ...variant,
      ...(hasCount && !excluded.has("DesiredInstanceCount") && { desiredInstanceCount: old.desiredInstanceCount }),
      ...(!excluded.has("DesiredWeight") && { weight: old.weight }),
    };
  });
  return { ...asked, variants };
}

/** What the update says, or what the last one said where it asks to keep that. */
function deploymentConfigOf(input: Input<"UpdateEndpoint">, value: EndpointValue): DeploymentConfig | undefined {
  if (input.RetainDeploymentConfig !== true) return input.DeploymentConfig;
  if (input.DeploymentConfig === undefined) return value.lastDeploymentConfig as DeploymentConfig | undefined;
  throw validationException("RetainDeploymentConfig and DeploymentConfig exclude each other; give one of them.");
}

/** An alarm that is not there would never end a deployment. */
export async function checkAlarms(names: readonly string[], { scope, platform }: OperationPlace): Promise<void> {
  for (const name of names) {
    if ((await platform.store.get(alarmKey(scope, name))) !== undefined) continue;
    throw validationException(`Could not find alarm "${name}" of AutoRollbackConfiguration in CloudWatch.`);
  }
}
