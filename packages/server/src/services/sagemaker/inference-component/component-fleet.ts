import { ServiceError, validationException } from "../../../errors.ts";
import type { ComponentSpecification, Needs } from "../../../serving/components/needs.ts";
import type { EndpointValue, Fleet, Variant } from "../../../serving/fleet.ts";
import type { OperationContext } from "../../service.ts";
import { checkInstanceCount, startupTimeoutSeconds } from "../endpoint/fleet-of-config.ts";
import { endpointConfigs } from "../endpoint-config/resource.ts";
import { checkModel } from "../model/check-model.ts";
import type { ModelValue } from "../model/model-record.ts";
import { models } from "../model/resource.ts";
import { serversOfModel } from "../model-instance/model-container.ts";
import type { Input } from "../operation.ts";
import { captureOfHost, roomOf } from "./hosting.ts";

const mebibyte = 2 ** 20;

/** InferenceComponentSpecification, validated. */
export type GivenSpecification = NonNullable<Input<"CreateInferenceComponent">["Specification"]>;

/** Members whose meaning is not built: better refused than silently ignored. */
const notYet = ["InstanceType", "BaseInferenceComponentName", "DataCacheConfig", "SchedulingConfig"] as const;

/**
 * Copies a component's model into a fleet of copies, so that the model is not needed any longer.
 * @param host - The variant of the endpoint whose instances it is to be on.
 * @throws ValidationException for a specification that contradicts itself, or that no instance of the host can hold.
 */
export async function componentFleet(
  context: OperationContext,
  given: GivenSpecification,
  { endpoint, host, copies, id }: { endpoint: EndpointValue; host: Variant; copies: number; id: number },
): Promise<Fleet> {
  for (const member of notYet) {
    if (given[member] !== undefined) throw validationException(`${member} is not supported by this version.`);
  }
  const needs = needsOf(given.ComputeResourceRequirements, host);
  const config = await endpointConfigs.get(context, endpoint.configName).catch(ignoreDeleted);
  const isolated = config?.value.spec.EnableNetworkIsolation === true;
  const model = await modelOf(context, given, config?.value.spec.ExecutionRoleArn);
  const servers = serversOfModel(model, {
    needsIsolation: isolated || model.spec.EnableNetworkIsolation === true,
    ...(config?.value.spec.KmsKeyId && { hasVolumeKey: true }),
  });
  if (servers.further !== undefined) {
    throw validationException("The model of an inference component must have exactly one container.");
  }
  const { MaxMemoryRequiredInMb: most } = given.ComputeResourceRequirements ?? {};
  const container = { ...servers.container, ...(most !== undefined && { memoryLimitBytes: most * mebibyte }) };
  const variant: Variant = {
    ...{ name: host.name, modelName: given.ModelName ?? "", instanceType: host.instanceType, weight: 1 },
    ...(host.routing !== undefined && { routing: host.routing }),
    desiredInstanceCount: copies,
    startupTimeoutSeconds:
      given.StartupParameters?.ContainerStartupHealthCheckTimeoutInSeconds ?? startupTimeoutSeconds,
    ...{ container, instances: [] },
  };
  checkInstanceCount("The inference component", [variant]);
  const since = context.platform.clock.now();
  const component = { specification: given as ComponentSpecification, needs };
  const settings = captureOfHost(endpoint);
  return { id, configName: endpoint.configName, role: "incoming", since, variants: [variant], component, ...settings };
}

function needsOf(
  given: GivenSpecification["ComputeResourceRequirements"],
  { instanceType: type, name }: Variant,
): Needs {
  if (given === undefined) throw validationException("ComputeResourceRequirements must be given.");
  const { MinMemoryRequiredInMb: least, MaxMemoryRequiredInMb: most = least } = given;
  if (most < least) throw validationException("MaxMemoryRequiredInMb must not be less than MinMemoryRequiredInMb.");
  const needs = {
    cores: given.NumberOfCpuCoresRequired ?? 0,
    accelerators: given.NumberOfAcceleratorDevicesRequired ?? 0,
    memoryBytes: least * mebibyte,
  };
  const room = roomOf(type);
  const lacking = (["cores", "accelerators", "memoryBytes"] as const).find((member) => needs[member] > room[member]);
  if (lacking === undefined) return needs;
  const words = { cores: "CPU cores", accelerators: "accelerator devices", memoryBytes: "MB of memory" };
  const [wanted, there] = [needs, room].map((each) => each[lacking] / (lacking === "memoryBytes" ? mebibyte : 1));
  throw validationException(
    `A copy needs ${wanted} ${words[lacking]}; an instance of variant ${name} (${type}) has ${there}.`,
  );
}

async function modelOf(
  context: OperationContext,
  { ModelName: name, Container: container }: GivenSpecification,
  role: string | undefined,
): Promise<ModelValue> {
  if ((name === undefined) === (container === undefined)) {
    throw validationException("Exactly one of ModelName and Container must be given.");
  }
  if (name !== undefined) return (await models.get(context, name)).value;
  if (container?.ContainerMetricsConfig !== undefined) {
    throw validationException("ContainerMetricsConfig is not supported by this version.");
  }
  const { Image, ArtifactUrl: ModelDataUrl, Environment } = container ?? {};
  if (Image === undefined) throw validationException("Container.Image must be given.");
  const spec = {
    ModelName: "inference-component",
    ...(role !== undefined && { ExecutionRoleArn: role }),
    PrimaryContainer: { Image, ...(ModelDataUrl && { ModelDataUrl }), ...(Environment && { Environment }) },
  };
  await checkModel(spec, context);
  return { arn: "", spec };
}

/** An endpoint outlives its configuration; what that said of components to come is lost with it. */
function ignoreDeleted(error: unknown): undefined {
  if (error instanceof ServiceError) return undefined;
  throw error;
}
