import { validationException } from "../../../errors.ts";
import { hasOwnCode } from "../../../images/own-code.ts";
import { UnknownImage } from "../../../images/resolve-image.ts";
import type { OperationContext } from "../../service.ts";
import { checkEnvironment } from "../check-environment.ts";
import { checkModelData } from "./model-data.ts";
import type { ContainerDefinition } from "./model-record.ts";
import { checkMultiModel } from "./multi-model.ts";

/** What a model's container and a model package's have in common. */
type Container = Pick<
  ContainerDefinition,
  | "Image"
  | "Environment"
  | "Mode"
  | "MultiModelConfig"
  | "ModelDataUrl"
  | "ModelDataSource"
  | "AdditionalModelDataSources"
>;

/** @throws ValidationException for a container that no endpoint here could run. */
export function checkContainer(container: Container, { platform }: OperationContext): void {
  if (container.MultiModelConfig !== undefined && container.Mode !== "MultiModel") {
    throw validationException("MultiModelConfig can be given for a container of Mode MultiModel only.");
  }
  if (container.Mode === "MultiModel") {
    const other = ["ModelDataSource", "AdditionalModelDataSources"].find((member) => isGiven(container, member));
    if (other !== undefined) throw validationException(`${other} cannot be given for a container of Mode MultiModel.`);
  }
  if (container.Image === undefined) throw validationException("You must specify Image for the container.");
  checkEnvironment("Environment", container.Environment);
  try {
    platform.images.find(container.Image, hasOwnCode({ environment: container.Environment }));
  } catch (error) {
    if (error instanceof UnknownImage) throw validationException(error.message);
    throw error;
  }
}

/**
 * Like SageMaker, looks for the artifact at once: a typing error should not wait for an endpoint to show.
 * @throws ValidationException when it is not there.
 */
export async function checkArtifact(container: Container, context: OperationContext): Promise<void> {
  if (container.Mode === "MultiModel") return await checkMultiModel(container, context);
  await checkModelData(container, context);
}

function isGiven(container: Container, member: string): boolean {
  const given = (container as Readonly<Record<string, unknown>>)[member];
  return Array.isArray(given) ? given.length > 0 : given !== undefined;
}

/** The refusal of what is not built yet. */
export function unsupported(what: string): Error {
  return validationException(`${what} is not supported by this version.`);
}
