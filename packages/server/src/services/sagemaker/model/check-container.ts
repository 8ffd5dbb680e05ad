import { validationException } from "../../../errors.ts";
import { hasOwnCode } from "../../../images/own-code.ts";
import { UnknownImage } from "../../../images/resolve-image.ts";
import { parseModelDataUrl } from "../../../serving/artifacts/model-location.ts";
import type { OperationContext } from "../../service.ts";
import { checkEnvironment } from "../check-environment.ts";
import type { ContainerDefinition } from "./model-record.ts";

/** Largest environment of all containers of a model together, in bytes of keys and values. */
const maxEnvironmentBytes = 32 * 1024;

/** What a model's container and a model package's have in common. */
type Container = Omit<ContainerDefinition, "AdditionalModelDataSources"> & {
  readonly AdditionalModelDataSources?: readonly unknown[] | undefined;
};

/** @throws ValidationException for a container that no endpoint here could run. */
export function checkContainer(container: Container, { platform }: OperationContext): void {
  if (container.Mode === "MultiModel") throw unsupported("Mode MultiModel");
  if (container.ModelDataSource !== undefined) throw unsupported("ModelDataSource; use ModelDataUrl");
  if (container.AdditionalModelDataSources?.length) throw unsupported("AdditionalModelDataSources");
  if (container.Image === undefined) throw validationException("You must specify Image for the container.");
  checkEnvironment("Environment", container.Environment);
  const environment = Object.entries(container.Environment ?? {});
  const bytes = environment.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  if (bytes > maxEnvironmentBytes) {
    throw validationException(
      `The environment of the model's containers has ${bytes} bytes; the limit is ${maxEnvironmentBytes}.`,
    );
  }
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
  const url = container.ModelDataUrl;
  if (url === undefined) return;
  const location = parseModelDataUrl(url);
  if (location === undefined) {
    throw validationException(`Invalid model data URL ${url}: it must name an object, as s3://BUCKET/KEY does.`);
  }
  const { objects } = context.platform;
  const isOurs = await objects.hasBucket(location.bucket, context.scope.account);
  const found = isOurs && (await objects.head(location.bucket, location.key));
  if (!found) throw validationException(`Could not find model data at ${url}.`);
}

/** The refusal of what is not built yet. */
export function unsupported(what: string): Error {
  return validationException(`${what} is not supported by this version.`);
}
