import { ServiceError } from "../../errors.ts";

const error = (code: string, message: string): ServiceError => new ServiceError(code, message, { status: 400 });
const registryWithId = (account: string): string => `in the registry with id '${account}'`;

/** A parameter breaks a rule that the model does not state. */
export function invalidParameter(message: string): ServiceError {
  return error("InvalidParameterException", message);
}

/** No repository of this name. */
export function repositoryNotFound(name: string, account: string): ServiceError {
  return error(
    "RepositoryNotFoundException",
    `The repository with name '${name}' does not exist ${registryWithId(account)}`,
  );
}

/** The name is taken. */
export function repositoryAlreadyExists(name: string, account: string): ServiceError {
  return error(
    "RepositoryAlreadyExistsException",
    `The repository with name '${name}' already exists ${registryWithId(account)}`,
  );
}

/** Images are there, and the caller did not say `force`. */
export function repositoryNotEmpty(name: string, account: string): ServiceError {
  return error(
    "RepositoryNotEmptyException",
    `The repository with name '${name}' ${registryWithId(account)} cannot be deleted because it still contains images`,
  );
}

/** No image of this tag or digest. */
export function imageNotFound(image: string, name: string, account: string): ServiceError {
  return error(
    "ImageNotFoundException",
    `The image with imageId ${image} does not exist within the repository with name '${name}' ${registryWithId(account)}`,
  );
}

/** There is no lifecycle policy, or no policy, or no preview. */
export function noPolicy(
  code:
    | "LifecyclePolicyNotFoundException"
    | "RepositoryPolicyNotFoundException"
    | "LifecyclePolicyPreviewNotFoundException",
  name: string,
  account: string,
): ServiceError {
  const what = {
    LifecyclePolicyNotFoundException: "Lifecycle policy",
    RepositoryPolicyNotFoundException: "Repository policy",
    LifecyclePolicyPreviewNotFoundException: "Lifecycle policy preview",
  }[code];
  return error(code, `${what} does not exist for the repository with name '${name}' ${registryWithId(account)}`);
}

/** A layer that the repository does not have. */
export function layersNotFound(digest: string, name: string, account: string): ServiceError {
  return error(
    "LayersNotFoundException",
    `The layer with digest '${digest}' does not exist in the repository with name '${name}' ${registryWithId(account)}`,
  );
}

/** ECR's error of that name. */
export function ecrError(code: string, message: string, members: Record<string, unknown> = {}): ServiceError {
  return new ServiceError(code, message, { status: 400, members });
}
