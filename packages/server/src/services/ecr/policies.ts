import { withoutListed } from "../../registry/collect-images.ts";
import {
  expired,
  InvalidLifecyclePolicy,
  type LifecycleRule,
  parseLifecyclePolicy,
} from "../../registry/lifecycle-policy.ts";
import type { ManifestRecord } from "../../registry/registry-records.ts";
import { invalidParameter, noPolicy } from "./errors.ts";
import { getRepository, nameOf } from "./get-repository.ts";
import type { EcrOperation, EcrOperations } from "./operation.ts";
import { change } from "./repositories.ts";

/** Keeps a policy that every collection applies. */
const putLifecyclePolicy: EcrOperation<"PutLifecyclePolicy"> = async (input, context, parts) => {
  const lifecyclePolicyText = input.lifecyclePolicyText;
  readPolicy(lifecyclePolicyText);
  const changed = await change(input, context, parts, (old) => ({ ...old, lifecyclePolicyText }));
  return { ...nameOf(changed), lifecyclePolicyText };
};

const getLifecyclePolicy: EcrOperation<"GetLifecyclePolicy"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const { lifecyclePolicyText } = repository.value;
  if (lifecyclePolicyText === undefined) {
    throw noPolicy("LifecyclePolicyNotFoundException", repository.name, repository.place.account);
  }
  return { ...nameOf(repository), lifecyclePolicyText };
};

const deleteLifecyclePolicy: EcrOperation<"DeleteLifecyclePolicy"> = async (input, context, parts) => {
  const before = await getLifecyclePolicy(input, context, parts);
  await change(input, context, parts, ({ lifecyclePolicyText: _, ...others }) => others);
  return before;
};

/** Keeps a policy that is only tried: `GetLifecyclePolicyPreview` says what it would end. */
const startLifecyclePolicyPreview: EcrOperation<"StartLifecyclePolicyPreview"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const lifecyclePolicyText = input.lifecyclePolicyText ?? repository.value.lifecyclePolicyText;
  if (lifecyclePolicyText === undefined) {
    throw noPolicy("LifecyclePolicyNotFoundException", repository.name, repository.place.account);
  }
  readPolicy(lifecyclePolicyText);
  await change(input, context, parts, (old) => ({ ...old, previewedPolicyText: lifecyclePolicyText }));
  return { ...nameOf(repository), lifecyclePolicyText, status: "IN_PROGRESS" };
};

/** What the tried policy would end now, computed as it is asked for. One page: a repository's images fit. */
const getLifecyclePolicyPreview: EcrOperation<"GetLifecyclePolicyPreview"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const lifecyclePolicyText = repository.value.previewedPolicyText;
  if (lifecyclePolicyText === undefined) {
    throw noPolicy("LifecyclePolicyPreviewNotFoundException", repository.name, repository.place.account);
  }
  const images: ManifestRecord[] = [];
  for await (const manifest of parts.registry.manifests.all(repository)) images.push(manifest);
  const ended = expired(readPolicy(lifecyclePolicyText), withoutListed(images), context.platform.clock.now());
  return {
    ...nameOf(repository),
    lifecyclePolicyText,
    status: "COMPLETE",
    previewResults: ended.map(({ image, rulePriority }) => ({
      imageDigest: image.digest,
      ...(image.tags.length > 0 && { imageTags: [...image.tags] }),
      imagePushedAt: new Date(image.pushedAt),
      action: { type: "EXPIRE" as const },
      appliedRulePriority: rulePriority,
    })),
    summary: { expiringImageTotalCount: ended.length },
  };
};

/** Kept and told again: nothing but the account itself reaches its repositories. */
const setRepositoryPolicy: EcrOperation<"SetRepositoryPolicy"> = async (input, context, parts) => {
  const { policyText } = input;
  if (!isJsonObject(policyText)) {
    throw invalidParameter(
      "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
    );
  }
  const changed = await change(input, context, parts, (old) => ({ ...old, policyText }));
  return { ...nameOf(changed), policyText };
};

const getRepositoryPolicy: EcrOperation<"GetRepositoryPolicy"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const { policyText } = repository.value;
  if (policyText === undefined) {
    throw noPolicy("RepositoryPolicyNotFoundException", repository.name, repository.place.account);
  }
  return { ...nameOf(repository), policyText };
};

const deleteRepositoryPolicy: EcrOperation<"DeleteRepositoryPolicy"> = async (input, context, parts) => {
  const before = await getRepositoryPolicy(input, context, parts);
  await change(input, context, parts, ({ policyText: _, ...others }) => others);
  return before;
};

function readPolicy(text: string): LifecycleRule[] {
  try {
    return parseLifecyclePolicy(text);
  } catch (error) {
    if (!(error instanceof InvalidLifecyclePolicy)) throw error;
    throw invalidParameter(
      `Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: ${error.message}'`,
    );
  }
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    // Not JSON at all: the caller is told so.
    return false;
  }
}

/** Lifecycle policies and repository policies. */
export const policyOperations = {
  DeleteLifecyclePolicy: deleteLifecyclePolicy,
  DeleteRepositoryPolicy: deleteRepositoryPolicy,
  GetLifecyclePolicy: getLifecyclePolicy,
  GetLifecyclePolicyPreview: getLifecyclePolicyPreview,
  GetRepositoryPolicy: getRepositoryPolicy,
  PutLifecyclePolicy: putLifecyclePolicy,
  SetRepositoryPolicy: setRepositoryPolicy,
  StartLifecyclePolicyPreview: startLifecyclePolicyPreview,
} satisfies EcrOperations;
