import { invariant, validationException } from "../../../errors.ts";
import { parseModelDataUrl } from "../../../serving/artifacts/model-location.ts";
import type { ServingContainer } from "../../../serving/fleet.ts";
import { type ModelValue, onlyContainer } from "../model/model-record.ts";

/**
 * Copies what a model's container runs from, so that the model is not needed any longer.
 * @param needsIsolation - Whether it must be kept off the network.
 * @throws ValidationException when the model's data cannot be found by its address.
 */
export function containerOfModel(model: ModelValue, needsIsolation: boolean): ServingContainer {
  const container = onlyContainer(model);
  invariant(container?.Image !== undefined, "CreateModel refuses models without a container and its image");
  const { ExecutionRoleArn: role } = model.spec;
  const base = {
    ...{ image: container.Image, environment: container.Environment ?? {}, needsIsolation },
    ...(role !== undefined && { executionRoleArn: role }),
  };
  const url = container.ModelDataUrl;
  if (url === undefined) return base;
  const location = parseModelDataUrl(url);
  if (location === undefined) throw validationException(`Could not find model data at ${url}.`);
  return { ...base, model: { ...location, url } };
}
