import { validationException } from "../../../errors.ts";
import type { OperationContext } from "../../service.ts";
import { checkVpcConfig } from "../check-vpc-config.ts";
import { checkExecutionRole } from "../execution-role.ts";
import { findModelPackage } from "../model-package/resource.ts";
import { checkArtifact, checkContainer, unsupported } from "./check-container.ts";
import type { ContainerDefinition, ModelValue } from "./model-record.ts";

/**
 * Applies the rules of CreateModel that the model of the API cannot state.
 * @returns The container that requests go to: the request's own, or that of the model package that it names.
 * @throws ValidationException with the first rule that is broken.
 */
export async function checkModel(spec: ModelValue["spec"], context: OperationContext): Promise<ContainerDefinition> {
  if (spec.PrimaryContainer && spec.Containers) {
    throw validationException("You cannot specify both PrimaryContainer and Containers. Give one of them.");
  }
  const given = spec.PrimaryContainer ?? spec.Containers?.[0];
  if (given === undefined) throw validationException("You must specify either PrimaryContainer or Containers.");
  if (spec.Containers && spec.Containers.length > 1) throw severalContainers("Containers", spec.Containers.length);
  if (spec.ExecutionRoleArn !== undefined) checkExecutionRole(context, spec.ExecutionRoleArn);
  checkVpcConfig(spec.VpcConfig);
  const container = given.ModelPackageName === undefined ? given : await ofPackage(given, context);
  checkContainer(container, context);
  await checkArtifact(container, context);
  return container;
}

/** The package's container, with the request's variables over its own. */
async function ofPackage(given: ContainerDefinition, context: OperationContext): Promise<ContainerDefinition> {
  for (const member of [
    "Image",
    "ModelDataUrl",
    "ModelDataSource",
    "ImageConfig",
    "InferenceSpecificationName",
  ] as const) {
    if (given[member] === undefined) continue;
    throw validationException(`${member} cannot be given with ModelPackageName, which says what runs.`);
  }
  const { value } = await findModelPackage(given.ModelPackageName as string, context);
  const { Containers: containers } = value.inference;
  const [first] = containers;
  if (first === undefined) throw validationException(`ModelPackage ${value.arn} has no container.`);
  if (containers.length > 1)
    throw severalContainers(`ModelPackage ${value.arn}, whose containers are a list`, containers.length);
  const { ContainerHostname, Image, ModelDataUrl, Environment } = first;
  return {
    ...(ContainerHostname !== undefined && { ContainerHostname }),
    ...(ModelDataUrl !== undefined && { ModelDataUrl }),
    Image,
    Environment: { ...Environment, ...given.Environment },
  };
}

function severalContainers(what: string, count: number): Error {
  return unsupported(`${what} with ${count} elements (inference pipelines and multi-container models)`);
}
