import type { RegistryPlace, Repository } from "../../registry/registry-records.ts";
import type { OperationContext } from "../service.ts";
import { invalidParameter, repositoryNotFound } from "./errors.ts";
import type { EcrParts } from "./operation.ts";

interface Named {
  readonly registryId?: string | undefined;
  readonly repositoryName: string;
}

/** The registry that the caller means: its own. @throws ServiceError for another account's, which nothing here shares. */
export function placeOf(
  input: { readonly registryId?: string | undefined },
  { scope }: OperationContext,
): RegistryPlace {
  if (input.registryId !== undefined && input.registryId !== scope.account) {
    throw invalidParameter(
      `Invalid parameter at 'registryId': the registry ${input.registryId} is not the caller's (${scope.account}).`,
    );
  }
  return { account: scope.account, region: scope.region };
}

/** The repository that the input names. @throws ServiceError `RepositoryNotFoundException`. */
export async function getRepository(
  input: Named,
  context: OperationContext,
  { registry }: EcrParts,
): Promise<Repository> {
  const place = placeOf(input, context);
  const found = await registry.repositories.find(place, input.repositoryName);
  if (!found) throw repositoryNotFound(input.repositoryName, place.account);
  return found;
}

/** Members that most answers begin with. */
export function nameOf({ place, name }: Repository): { registryId: string; repositoryName: string } {
  return { registryId: place.account, repositoryName: name };
}
