import { validationException } from "../../../errors.ts";
import type { ComponentValue } from "../../../serving/components/component.ts";
import { allAtOnce, type Deployment } from "../../../serving/deployment.ts";
import { type EndpointValue, fleetOf } from "../../../serving/fleet.ts";
import { WriteConflict } from "../../../store/store.ts";
import { endpoints } from "../endpoint/resource.ts";
import { checkAlarms, notNow } from "../endpoint/update.ts";
import type { Input, Operation } from "../operation.ts";
import { componentFleet, type GivenSpecification } from "./component-fleet.ts";
import { onlySpecification } from "./create.ts";
import { desiredCopies, hostingWrite, hostOf } from "./hosting.ts";
import { components } from "./resource.ts";

type DeploymentConfig = NonNullable<Input<"UpdateInferenceComponent">["DeploymentConfig"]>;

/**
 * Gives a component another model, batch by batch or at once, without a request lost; the old copies serve until the new
 * ones do, and go on serving when those do not come up.
 * @throws ValidationException when it is not InService or the specification contradicts itself.
 */
export const updateInferenceComponent: Operation<"UpdateInferenceComponent"> = async (input, context) => {
  const { scope, platform } = context;
  const name = input.InferenceComponentName;
  const { value, version, status } = await components.get(context, name);
  if (status !== "InService") throw notNow(value.arn, status);
  const copies = input.RuntimeConfig?.CopyCount ?? desiredCopies(value);
  const endpoint = await endpoints.get(context, value.endpoint);
  const host = hostOf(endpoint.value as EndpointValue, value.hostVariant);
  if (host === undefined) throw validationException(`Variant "${value.hostVariant}" is not on the endpoint any more.`);
  const before = fleetOf(value, "active")?.component?.specification as GivenSpecification | undefined;
  const kept = input.Specifications === undefined ? before : undefined;
  const specification = onlySpecification(input.Specification ?? kept, input.Specifications);
  const asked = { endpoint: endpoint.value, host, copies, id: value.nextFleet };
  const fleet = await componentFleet(context, specification, asked);
  const deployment = deploymentOf(input.DeploymentConfig, copies);
  await checkAlarms(deployment.alarms, context);
  const { failureReason: _outdated, deploymentConfig: _ended, ...rest } = value;
  const next: ComponentValue = {
    ...rest,
    ...{ nextFleet: value.nextFleet + 1, fleets: [...value.fleets, fleet], deployment },
    ...(input.DeploymentConfig !== undefined && { deploymentConfig: input.DeploymentConfig }),
  };
  try {
    await platform.store.write([
      { op: "update", key: components.key(scope, name), version, value: next, status: "Updating" },
      hostingWrite(scope, value.endpoint, name),
    ]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    return await updateInferenceComponent(input, context);
  }
  return { InferenceComponentArn: value.arn };
};

function deploymentOf(config: DeploymentConfig | undefined, copies: number): Deployment {
  if (config === undefined) return allAtOnce;
  const { RollingUpdatePolicy: policy, AutoRollbackConfiguration: rollback } = config;
  const { Type, Value } = policy.MaximumBatchSize;
  const batch = Type === "COPY_COUNT" ? Value : Math.max(1, Math.floor((copies * Value) / 100));
  const steps = Math.max(1, Math.ceil(copies / batch));
  return {
    kind: "rolling",
    shares: Array.from({ length: steps }, (_, step) => Math.min(1, ((step + 1) * batch) / Math.max(1, copies))),
    waitMs: policy.WaitIntervalInSeconds * 1_000,
    terminationWaitMs: 0,
    ...(policy.MaximumExecutionTimeoutInSeconds !== undefined && {
      maximumMs: policy.MaximumExecutionTimeoutInSeconds * 1_000,
    }),
    alarms: (rollback?.Alarms ?? []).flatMap(({ AlarmName }) => AlarmName ?? []),
    ...{ taken: 0, since: 0 },
  };
}
