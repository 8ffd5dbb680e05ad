import { invariant } from "../../../errors.ts";
import type { ServingContainer } from "../../../serving/fleet.ts";
import { additionalDataOf, modelDataOf } from "../model/model-data.ts";
import { type ContainerDefinition, containersOfModel, type ModelValue } from "../model/model-record.ts";
import { multiModelOf } from "../model/multi-model.ts";
import type { ServerPlan } from "./run-spec.ts";

/** What a model's servers consist of. */
export type ModelContainers = Pick<ServerPlan, "container" | "further" | "execution">;

/**
 * Copies what a model's containers run from, so that the model is not needed any longer.
 * @param added - What every one of them has besides.
 * @throws ValidationException when the model's data cannot be found by its address.
 */
export function serversOfModel(
  model: ModelValue,
  added: Pick<ServingContainer, "needsIsolation" | "hasVolumeKey">,
): ModelContainers {
  const definitions = containersOfModel(model);
  const { ExecutionRoleArn: role, InferenceExecutionConfig: execution } = model.spec;
  const containers = definitions.map((definition, index) => ({
    ...containerOf(definition),
    ...added,
    ...(definitions.length > 1 && { name: definition.ContainerHostname ?? `container-${index + 1}` }),
    ...(role !== undefined && { executionRoleArn: role }),
  }));
  const [container, ...further] = containers;
  invariant(container !== undefined, "CreateModel refuses models without a container");
  if (further.length === 0) return { container };
  return { container, further, execution: execution?.Mode === "Direct" ? "direct" : "serial" };
}

function containerOf(container: ContainerDefinition): Omit<ServingContainer, "needsIsolation"> {
  invariant(container.Image !== undefined, "CreateModel refuses containers without an image");
  const base = { image: container.Image, environment: container.Environment ?? {} };
  if (container.Mode === "MultiModel") {
    const environment = { ...base.environment, SAGEMAKER_MULTI_MODEL: "true" };
    return { ...base, environment, multiModel: multiModelOf(container) };
  }
  const model = modelDataOf(container);
  const additional = additionalDataOf(container);
  return { ...base, ...(model && { model }), ...(additional.length > 0 && { additional }) };
}
