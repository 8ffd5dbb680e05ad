import type {
  DeleteObjectTaggingOutput,
  DeleteObjectTaggingRequest,
  GetObjectTaggingOutput,
  GetObjectTaggingRequest,
  PutObjectTaggingOutput,
  PutObjectTaggingRequest,
} from "@aws-sdk/client-s3";
import type { ObjectVersion, Tag } from "../../../objects/object-records.ts";
import { openBucket, type S3Handler, storageOf } from "../access.ts";
import { requireTags } from "./attributes.ts";

export const getObjectTagging: S3Handler<GetObjectTaggingRequest, GetObjectTaggingOutput> = async (input, context) => {
  const bucket = await openBucket(input, context);
  const version = await storageOf(context).objects.get(bucket.name, input.Key as string, input.VersionId);
  return {
    TagSet: (version.attributes.tags ?? []).map((tag) => ({ ...tag })),
    ...(bucket.versioning && { VersionId: version.versionId }),
  };
};

export const putObjectTagging: S3Handler<PutObjectTaggingRequest, PutObjectTaggingOutput> = async (input, context) => {
  const tags = (input.Tagging?.TagSet ?? []).map(
    ({ Key, Value }): Tag => ({ Key: Key as string, Value: Value as string }),
  );
  requireTags(tags);
  return setTags(input, tags, context);
};

export const deleteObjectTagging: S3Handler<DeleteObjectTaggingRequest, DeleteObjectTaggingOutput> = (input, context) =>
  setTags(input, undefined, context);

async function setTags(
  input: GetObjectTaggingRequest,
  tags: readonly Tag[] | undefined,
  context: Parameters<typeof openBucket>[1],
): Promise<{ VersionId?: string }> {
  const bucket = await openBucket(input, context);
  const amended = await storageOf(context).objects.amend(
    bucket.name,
    input.Key as string,
    input.VersionId,
    (before) => {
      const { tags: _old, ...attributes } = before.attributes;
      return { ...before, attributes: { ...attributes, ...(tags && { tags }) } } satisfies ObjectVersion;
    },
  );
  return bucket.versioning ? { VersionId: amended.versionId } : {};
}
