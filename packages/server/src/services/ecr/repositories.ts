import type { Repository as DescribedRepository } from "@aws-sdk/client-ecr";
import type { Repository, RepositoryRecord } from "../../registry/registry-records.ts";
import { InvalidPageToken } from "../../store/store.ts";
import type { OperationContext } from "../service.ts";
import { invalidParameter, repositoryAlreadyExists, repositoryNotEmpty, repositoryNotFound } from "./errors.ts";
import { getRepository, nameOf, placeOf } from "./get-repository.ts";
import type { EcrInput, EcrOperation, EcrOperations } from "./operation.ts";
import { addTags, asTags } from "./resource-tags.ts";
import { describeMutability, readMutability } from "./tag-mutability.ts";

const defaultPageSize = 100;

/** Makes a repository. Nothing can be pushed before: as with ECR, a push does not make one. */
const createRepository: EcrOperation<"CreateRepository"> = async (input, context, { registry }) => {
  const place = placeOf(input, context);
  const { encryptionConfiguration: encryption, imageScanningConfiguration: scanning } = input;
  const options: Omit<RepositoryRecord, "id"> = {
    tagMutability: readMutability(input),
    scanOnPush: scanning?.scanOnPush ?? false,
    encryption: {
      encryptionType: encryption?.encryptionType ?? "AES256",
      ...(encryption?.kmsKey !== undefined && { kmsKey: encryption.kmsKey }),
    },
    resourceTags: addTags({}, input.tags ?? []),
  };
  const created = await registry.repositories.create(place, input.repositoryName, options);
  if (!created) throw repositoryAlreadyExists(input.repositoryName, place.account);
  return { repository: describe(created, context) };
};

/** One page of the repositories by name, or those that the caller names. */
const describeRepositories: EcrOperation<"DescribeRepositories"> = async (input, context, { registry }) => {
  const place = placeOf(input, context);
  const names = input.repositoryNames;
  if (names) {
    if (input.nextToken !== undefined || input.maxResults !== undefined) {
      throw invalidParameter("nextToken and maxResults cannot be used with repositoryNames.");
    }
    const found = await Promise.all(names.map((name) => registry.repositories.find(place, name)));
    const missing = names.find((_, at) => !found[at]);
    if (missing !== undefined) throw repositoryNotFound(missing, place.account);
    return { repositories: (found as Repository[]).map((repository) => describe(repository, context)) };
  }
  try {
    const page = await registry.repositories.list(place, {
      limit: input.maxResults ?? defaultPageSize,
      ...(input.nextToken !== undefined && { token: input.nextToken }),
    });
    return {
      repositories: page.repositories.map((repository) => describe(repository, context)),
      ...(page.next !== undefined && { nextToken: page.next }),
    };
  } catch (error) {
    if (error instanceof InvalidPageToken) throw invalidParameter("Invalid parameter at 'nextToken'.");
    throw error;
  }
};

/** Deletes a repository, with its images only where the caller says `force`. */
const deleteRepository: EcrOperation<"DeleteRepository"> = async (input, context, parts) => {
  const { registry } = parts;
  for (;;) {
    const repository = await getRepository(input, context, parts);
    if (input.force !== true && !(await registry.manifests.isEmpty(repository))) {
      throw repositoryNotEmpty(repository.name, repository.place.account);
    }
    // A push in between made it another version: look again whether it is empty.
    if (await registry.repositories.remove(repository)) return { repository: describe(repository, context) };
  }
};

const putImageTagMutability: EcrOperation<"PutImageTagMutability"> = async (input, context, parts) => {
  const tagMutability = readMutability(input);
  const changed = await change(input, context, parts, (old) => ({ ...old, tagMutability }));
  return { ...nameOf(changed), ...describeMutability(tagMutability) };
};

const putImageScanningConfiguration: EcrOperation<"PutImageScanningConfiguration"> = async (input, context, parts) => {
  const scanOnPush = input.imageScanningConfiguration.scanOnPush ?? false;
  const changed = await change(input, context, parts, (old) => ({ ...old, scanOnPush }));
  return { ...nameOf(changed), imageScanningConfiguration: { scanOnPush } };
};

/** Changes a repository's settings. @throws ServiceError `RepositoryNotFoundException`. */
export async function change(
  input: EcrInput<"DeleteRepository">,
  context: OperationContext,
  { registry }: Parameters<EcrOperation<"DeleteRepository">>[2],
  next: (old: RepositoryRecord) => RepositoryRecord,
): Promise<Repository> {
  const place = placeOf(input, context);
  const changed = await registry.repositories.change(place, input.repositoryName, next);
  if (!changed) throw repositoryNotFound(input.repositoryName, place.account);
  return changed;
}

/** ECR's description. The URI is the address where this server's registry really answers. */
function describe(repository: Repository, context: OperationContext): DescribedRepository {
  const { value, createdAt, name } = repository;
  return {
    ...nameOf(repository),
    repositoryArn: repositoryArn(repository, context),
    repositoryUri: `${new URL(context.publicUrl).host}/${name}`,
    createdAt: new Date(createdAt),
    ...describeMutability(value.tagMutability),
    imageScanningConfiguration: { scanOnPush: value.scanOnPush },
    encryptionConfiguration: { ...value.encryption },
  };
}

/** `arn:aws:ecr:REGION:ACCOUNT:repository/NAME` */
function repositoryArn({ place, name }: Repository, { scope }: OperationContext): string {
  return `arn:${scope.partition}:ecr:${place.region}:${place.account}:repository/${name}`;
}

const tagResource: EcrOperation<"TagResource"> = async (input, context, parts) => {
  const repositoryName = nameOfArn(input.resourceArn, context);
  await change({ repositoryName }, context, parts, (old) => ({
    ...old,
    resourceTags: addTags(old.resourceTags, input.tags),
  }));
  return {};
};

const untagResource: EcrOperation<"UntagResource"> = async (input, context, parts) => {
  const repositoryName = nameOfArn(input.resourceArn, context);
  const dropped = new Set(input.tagKeys);
  await change({ repositoryName }, context, parts, (old) => ({
    ...old,
    resourceTags: Object.fromEntries(Object.entries(old.resourceTags).filter(([key]) => !dropped.has(key))),
  }));
  return {};
};

const listTagsForResource: EcrOperation<"ListTagsForResource"> = async (input, context, parts) => {
  const repositoryName = nameOfArn(input.resourceArn, context);
  const { value } = await getRepository({ repositoryName }, context, parts);
  return { tags: asTags(value.resourceTags) };
};

function nameOfArn(arn: string, { scope }: OperationContext): string {
  const prefix = `arn:${scope.partition}:ecr:${scope.region}:${scope.account}:repository/`;
  if (arn.startsWith(prefix)) return arn.slice(prefix.length);
  throw invalidParameter(`Invalid parameter at 'resourceArn': ${arn} is no repository of this account and region.`);
}

/** Repositories and their settings. */
export const repositoryOperations = {
  CreateRepository: createRepository,
  DeleteRepository: deleteRepository,
  DescribeRepositories: describeRepositories,
  ListTagsForResource: listTagsForResource,
  PutImageScanningConfiguration: putImageScanningConfiguration,
  PutImageTagMutability: putImageTagMutability,
  TagResource: tagResource,
  UntagResource: untagResource,
} satisfies EcrOperations;
