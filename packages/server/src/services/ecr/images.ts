import type { Image, ImageDetail, ImageFailure, ImageIdentifier } from "@aws-sdk/client-ecr";
import type { ImageRegistry } from "../../registry/image-registry.ts";
import { RegistryError } from "../../registry/registry-error.ts";
import type { ManifestRecord, Repository } from "../../registry/registry-records.ts";
import { ecrError, imageNotFound, invalidParameter, repositoryNotFound } from "./errors.ts";
import { getRepository, nameOf } from "./get-repository.ts";
import type { EcrOperation, EcrOperations } from "./operation.ts";
import { pageOf } from "./page.ts";

/** One page of the images' digests and tags: an image of several tags is listed once for each. */
const listImages: EcrOperation<"ListImages"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const page = await pageOf(input, async function* (from) {
    const [first = "", after = ""] = from.split(" ");
    for await (const manifest of parts.registry.manifests.all(repository, first)) {
      if (!fitsTagStatus(manifest, input.filter?.tagStatus)) continue;
      const tags = manifest.tags.length === 0 ? [undefined] : manifest.tags;
      for (const tag of tags) {
        const position = `${manifest.digest} ${tag ?? ""}`;
        // The page begins after its token.
        if (manifest.digest === first && (tag ?? "") <= after && from !== "") continue;
        yield { position, item: imageId(manifest, tag) };
      }
    }
  });
  return { imageIds: page.items, ...page.next };
};

/** One page of the images with size and times, or those that the caller names. */
const describeImages: EcrOperation<"DescribeImages"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const { registry } = parts;
  if (input.imageIds) {
    const details: ImageDetail[] = [];
    for (const id of input.imageIds) details.push(describe(repository, await getImage(registry, repository, id)));
    return { imageDetails: details };
  }
  const page = await pageOf(input, async function* (from) {
    for await (const manifest of registry.manifests.all(repository, from)) {
      if (manifest.digest === from || !fitsTagStatus(manifest, input.filter?.tagStatus)) continue;
      yield { position: manifest.digest, item: describe(repository, manifest) };
    }
  });
  return { imageDetails: page.items, ...page.next };
};

/** Manifests by tag or digest; what is not there is a failure of its own. */
const batchGetImage: EcrOperation<"BatchGetImage"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const images: Image[] = [];
  const failures: ImageFailure[] = [];
  for (const id of input.imageIds) {
    const found = await findImage(parts.registry, repository, id);
    if ("failureCode" in found) failures.push({ imageId: id, ...found });
    else images.push(await asImage(parts.registry, repository, found, id.imageTag));
  }
  return { images, failures };
};

/** Deletes tags, or whole images by digest. An image that lost its last tag goes too, as with ECR. */
const batchDeleteImage: EcrOperation<"BatchDeleteImage"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const { manifests } = parts.registry;
  const deleted: ImageIdentifier[] = [];
  const failures: ImageFailure[] = [];
  for (const id of input.imageIds) {
    const found = await findImage(parts.registry, repository, id);
    if ("failureCode" in found) {
      failures.push({ imageId: id, ...found });
      continue;
    }
    if (id.imageTag !== undefined) await manifests.untag(repository, id.imageTag);
    const isWhole = id.imageTag === undefined || found.tags.length === 1;
    const [parent] = isWhole ? await manifests.parentsOf(repository, found.digest) : [];
    if (parent !== undefined && id.imageTag === undefined) {
      const failureReason = `Requested image referenced by manifest list: [${parent}]`;
      failures.push({ imageId: id, failureCode: "ImageReferencedByManifestList", failureReason });
      continue;
    }
    if (isWhole && parent === undefined) await manifests.remove(repository, found.digest);
    if (id.imageTag === undefined && found.tags.length > 0) {
      deleted.push(...found.tags.map((tag) => imageId(found, tag)));
    } else deleted.push(imageId(found, id.imageTag));
  }
  return { imageIds: deleted, failures };
};

/** Stores a manifest whose layers are there. */
const putImage: EcrOperation<"PutImage"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const { imageTag: tag, imageDigest: digest, imageManifestMediaType: contentType } = input;
  try {
    const pushed = await parts.registry.manifests.push(repository, {
      content: Buffer.from(input.imageManifest),
      ...(tag !== undefined && { tag }),
      ...(digest !== undefined && { digest }),
      ...(contentType !== undefined && { contentType }),
    });
    if (pushed.isKnown) {
      throw ecrError(
        "ImageAlreadyExistsException",
        `Image with digest '${pushed.manifest.digest}'${tag === undefined ? "" : ` and tag '${tag}'`} already exists in the repository with name '${repository.name}' in registry with id '${repository.place.account}'`,
      );
    }
    return { image: await asImage(parts.registry, repository, pushed.manifest, tag) };
  } catch (error) {
    throw error instanceof RegistryError ? asEcrError(error, repository) : error;
  }
};

/** One page of the images that are about another one. */
const listImageReferrers: EcrOperation<"ListImageReferrers"> = async (input, context, parts) => {
  const repository = await getRepository(input, context, parts);
  const all = await parts.registry.manifests.referrers(repository, input.subjectId.imageDigest, 1000);
  const wanted = input.filter?.artifactTypes;
  const page = await pageOf(input, async function* (from) {
    for (const each of all) {
      if (each.digest <= from || (wanted && !wanted.includes(each.artifactType ?? ""))) continue;
      const { digest, mediaType, size, artifactType, annotations } = each;
      yield {
        position: digest,
        item: { digest, mediaType, size, artifactType, ...(annotations && { annotations: { ...annotations } }) },
      };
    }
  });
  return { referrers: page.items, ...page.next };
};

/** A `RegistryError` as ECR names it. */
function asEcrError(error: RegistryError, { name, place }: Repository): Error {
  switch (error.code) {
    case "DIGEST_INVALID":
      return ecrError("ImageDigestDoesNotMatchException", error.message);
    case "MANIFEST_BLOB_UNKNOWN":
      return ecrError(
        error.message.includes("the manifest sha256") ? "ReferencedImagesNotFoundException" : "LayersNotFoundException",
        error.message,
      );
    case "TAG_INVALID":
      return ecrError("ImageTagAlreadyExistsException", error.message);
    case "NAME_UNKNOWN":
      return repositoryNotFound(name, place.account);
    default:
      return invalidParameter(`Invalid parameter at 'imageManifest': ${error.message}`);
  }
}

function fitsTagStatus({ tags }: ManifestRecord, status: string | undefined): boolean {
  if (status === "TAGGED") return tags.length > 0;
  return status !== "UNTAGGED" || tags.length === 0;
}

type Failure = Required<Pick<ImageFailure, "failureCode" | "failureReason">>;

async function findImage(
  registry: ImageRegistry,
  repository: Repository,
  { imageDigest, imageTag }: ImageIdentifier,
): Promise<ManifestRecord | Failure> {
  if (imageDigest === undefined && imageTag === undefined) {
    return {
      failureCode: "MissingDigestAndTag",
      failureReason: "Invalid request parameters: both tag and digest cannot be null",
    };
  }
  const byTag = imageTag === undefined ? undefined : await registry.manifests.find(repository, { tag: imageTag });
  const found = imageDigest === undefined ? byTag : await registry.manifests.find(repository, { digest: imageDigest });
  if (!found || (imageTag !== undefined && !byTag)) {
    return { failureCode: "ImageNotFound", failureReason: "Requested image not found" };
  }
  if (imageTag !== undefined && byTag?.digest !== found.digest) {
    return {
      failureCode: "ImageTagDoesNotMatchDigest",
      failureReason: "Requested tag does not map to the requested digest",
    };
  }
  return found;
}

async function getImage(registry: ImageRegistry, repository: Repository, id: ImageIdentifier): Promise<ManifestRecord> {
  const found = await findImage(registry, repository, id);
  if (!("failureCode" in found)) return found;
  const named = `{imageDigest:'${id.imageDigest ?? "null"}', imageTag:'${id.imageTag ?? "null"}'}`;
  throw imageNotFound(named, repository.name, repository.place.account);
}

function imageId({ digest }: ManifestRecord, tag: string | undefined): ImageIdentifier {
  return { imageDigest: digest, ...(tag !== undefined && { imageTag: tag }) };
}

async function asImage(
  registry: ImageRegistry,
  repository: Repository,
  manifest: ManifestRecord,
  tag: string | undefined,
): Promise<Image> {
  return {
    ...nameOf(repository),
    imageId: imageId(manifest, tag),
    imageManifest: (await registry.manifests.content(manifest)).toString("utf8"),
    imageManifestMediaType: manifest.mediaType,
  };
}

function describe(repository: Repository, manifest: ManifestRecord): ImageDetail {
  const { digest, tags, pushedAt, mediaType, artifactType, subject } = manifest;
  return {
    ...nameOf(repository),
    imageDigest: digest,
    ...(tags.length > 0 && { imageTags: [...tags] }),
    // Configuration and layers as they are stored, compressed.
    imageSizeInBytes: manifest.blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    imagePushedAt: new Date(pushedAt),
    imageManifestMediaType: mediaType,
    ...(artifactType !== undefined && { artifactMediaType: artifactType }),
    ...(subject !== undefined && { subjectManifestDigest: subject }),
  };
}

/** Images. */
export const imageOperations = {
  BatchDeleteImage: batchDeleteImage,
  BatchGetImage: batchGetImage,
  DescribeImages: describeImages,
  ListImageReferrers: listImageReferrers,
  ListImages: listImages,
  PutImage: putImage,
} satisfies EcrOperations;
