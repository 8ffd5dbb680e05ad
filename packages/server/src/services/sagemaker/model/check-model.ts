import { validationException } from "../../../errors.ts";
import type { OperationContext } from "../../service.ts";
import { checkVpcConfig } from "../check-vpc-config.ts";
import { checkExecutionRole } from "../execution-role.ts";
import { findModelPackage } from "../model-package/resource.ts";
import { checkArtifact, checkContainer } from "./check-container.ts";
import { checkSeveralContainers } from "./check-several-containers.ts";
import type { ContainerDefinition, ModelValue } from "./model-record.ts";

/**
 * Applies the rules of CreateModel that the model of the API cannot state.
 * @returns What runs, in its order: the request's own containers, with those of the model packages that it names in
 *   their places.
 * @throws ValidationException with the first rule that is broken.
 */
export async function checkModel(spec: ModelValue["spec"], context: OperationContext): Promise<ContainerDefinition[]> {
  if (spec.PrimaryContainer && spec.Containers) {
    throw validationException("You cannot specify both PrimaryContainer and Containers. Give one of them.");
  }
  const given = spec.PrimaryContainer === undefined ? (spec.Containers ?? []) : [spec.PrimaryContainer];
  if (given.length === 0) throw validationException("You must specify either PrimaryContainer or Containers.");
  if (spec.ExecutionRoleArn !== undefined) checkExecutionRole(context, spec.ExecutionRoleArn);
  checkVpcConfig(spec.VpcConfig);
  const containers: ContainerDefinition[] = [];
  for (const container of given) {
    if (container.ModelPackageName === undefined) containers.push(container);
    else containers.push(...(await ofPackage(container, context)));
  }
  for (const container of containers) checkContainer(container, context);
  checkSeveralContainers(containers, spec.InferenceExecutionConfig?.Mode ?? "Serial");
  for (const container of containers) await checkArtifact(container, context);
  return containers;
}

/** The package's containers, with the request's variables over their own. */
async function ofPackage(given: ContainerDefinition, context: OperationContext): Promise<ContainerDefinition[]> {
  for (const member of [
    "Image",
    "ModelDataUrl",
    "ModelDataSource",
    "AdditionalModelDataSources",
    "ImageConfig",
    "InferenceSpecificationName",
  ] as const) {
    if (given[member] === undefined) continue;
    throw validationException(`${member} cannot be given with ModelPackageName, which says what runs.`);
  }
  const { value } = await findModelPackage(given.ModelPackageName as string, context);
  const { Containers: containers } = value.inference;
  if (containers.length === 0) throw validationException(`ModelPackage ${value.arn} has no container.`);
  return containers.map(({ ContainerHostname, Image, Environment, ...data }) => ({
    ...(ContainerHostname !== undefined && { ContainerHostname }),
    ...(data.ModelDataUrl !== undefined && { ModelDataUrl: data.ModelDataUrl }),
    ...(data.ModelDataSource && { ModelDataSource: data.ModelDataSource }),
    ...(data.AdditionalModelDataSources && { AdditionalModelDataSources: data.AdditionalModelDataSources }),
    Image,
    Environment: { ...Environment, ...given.Environment },
  }));
}
