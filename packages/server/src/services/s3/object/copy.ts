import type { CopyObjectOutput, CopyObjectRequest, ServerSideEncryption } from "@aws-sdk/client-s3";
import { encryptionFor, type Seal } from "../../../objects/encryption.ts";
import { etagOf } from "../../../objects/entity-tag.ts";
import type {
  ChecksumAlgorithm,
  ObjectAttributes,
  ObjectVersion,
  StoredChecksum,
} from "../../../objects/object-records.ts";
import type { Draft } from "../../../objects/objects.ts";
import type { OperationContext } from "../../service.ts";
import { invalidArgument, invalidRequest, openBucket, requireKey, type S3Handler, storageOf } from "../access.ts";
import { requireCannedAcl } from "../acl.ts";
import { parseTags } from "./attributes.ts";
import { checksumOutput, requireAlgorithm } from "./checksum-claim.ts";
import { openCopySource } from "./copy-source.ts";

/** Copies within the server share the stored bytes: a copy of any size costs one commit. */
export const copyObject: S3Handler<CopyObjectRequest, CopyObjectOutput> = async (input, context) => {
  requireCannedAcl(input.ACL);
  const bucket = await openBucket(input, context);
  const key = input.Key as string;
  requireKey(key);
  const source = await openCopySource(input, context);
  const replaces = input.MetadataDirective === "REPLACE";
  const isSame = source.bucket.name === bucket.name && source.key === key && !input.CopySource?.includes("?versionId=");
  const changesNothing =
    !replaces && !input.StorageClass && !input.ServerSideEncryption && !input.WebsiteRedirectLocation;
  if (isSame && changesNothing && input.TaggingDirective !== "REPLACE") {
    throw invalidRequest(
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  const checksum = await checksumOfCopy(
    context,
    source.version,
    input.ChecksumAlgorithm && requireAlgorithm(input.ChecksumAlgorithm),
  );
  const { encryption: asked, ...described } = attributesOfCopy(input, source.version.attributes);
  const made = encryptionFor(storageOf(context).bytes.keys, bucket, key, asked);
  const version = await storageOf(context).objects.put(
    bucket.name,
    key,
    {
      ...(await bytesOfCopy(context, source.version, made.seal)),
      attributes: { ...described, ...(made.encryption && { encryption: made.encryption }) },
      ...(checksum && { checksum }),
    },
    {
      conditions: {
        ...(input.IfMatch && { ifMatch: input.IfMatch }),
        ...(input.IfNoneMatch && { ifNoneMatch: input.IfNoneMatch }),
      },
    },
  );
  const { encryption } = version.attributes;
  return {
    CopyObjectResult: {
      ETag: version.etag,
      LastModified: new Date(version.modifiedAt),
      ...checksumOutput(version.checksum),
    },
    ...(source.bucket.versioning && { CopySourceVersionId: source.version.versionId }),
    ...(bucket.versioning && { VersionId: version.versionId }),
    ...(encryption && { ServerSideEncryption: encryption.algorithm as ServerSideEncryption }),
    ...(encryption?.keyId && { SSEKMSKeyId: encryption.keyId }),
  };
};

/** Metadata and tags each follow their own directive; storage class and encryption never come along. */
function attributesOfCopy(input: CopyObjectRequest, source: ObjectAttributes): ObjectAttributes {
  if (input.TaggingDirective !== undefined && !["COPY", "REPLACE"].includes(input.TaggingDirective)) {
    throw invalidArgument("Unknown tagging directive.", { ArgumentName: "x-amz-tagging-directive" });
  }
  if (input.MetadataDirective !== undefined && !["COPY", "REPLACE"].includes(input.MetadataDirective)) {
    throw invalidArgument("Unknown metadata directive.", { ArgumentName: "x-amz-metadata-directive" });
  }
  const {
    tags: sourceTags,
    storageClass: _class,
    encryption: _encryption,
    websiteRedirectLocation: _to,
    ...kept
  } = source;
  const tags = input.TaggingDirective === "REPLACE" ? parseTags(input.Tagging ?? "") : sourceTags;
  const described: ObjectAttributes = input.MetadataDirective === "REPLACE" ? replaced(input) : kept;
  return {
    ...described,
    ...(tags && tags.length > 0 && { tags }),
    ...(input.StorageClass && input.StorageClass !== "STANDARD" && { storageClass: input.StorageClass }),
    ...(input.WebsiteRedirectLocation && { websiteRedirectLocation: input.WebsiteRedirectLocation }),
    ...(input.ServerSideEncryption && {
      encryption: {
        algorithm: input.ServerSideEncryption,
        ...(input.SSEKMSKeyId && { keyId: input.SSEKMSKeyId }),
        ...(input.BucketKeyEnabled && { bucketKey: true }),
      },
    }),
  };
}

function replaced(input: CopyObjectRequest): ObjectAttributes {
  return {
    ...(input.ContentType && { contentType: input.ContentType }),
    ...(input.CacheControl && { cacheControl: input.CacheControl }),
    ...(input.ContentDisposition && { contentDisposition: input.ContentDisposition }),
    ...(input.ContentEncoding && { contentEncoding: input.ContentEncoding }),
    ...(input.ContentLanguage && { contentLanguage: input.ContentLanguage }),
    ...(input.Expires && { expires: input.Expires.toUTCString() }),
    ...(input.Metadata && { metadata: input.Metadata }),
  };
}

/** Bytes in clear are shared. A data key is bound to its object, so encrypted bytes are stored anew. */
async function bytesOfCopy(
  context: OperationContext,
  { bytes: reference, etag }: ObjectVersion,
  seal: Seal | undefined,
): Promise<Pick<Draft, "source" | "etag">> {
  const { bytes } = storageOf(context);
  if (!reference.sealed && !seal) return { source: await bytes.share(reference), etag };
  const ingested = await bytes.ingest(await bytes.stream(reference), ["MD5"], { seal });
  return { source: { kind: "fresh", ingested }, etag: etagOf(ingested) };
}

/** A full-object checksum goes along; one of another algorithm, or of parts, is computed anew. */
async function checksumOfCopy(
  context: OperationContext,
  version: ObjectVersion,
  asked: ChecksumAlgorithm | undefined,
): Promise<StoredChecksum | undefined> {
  const algorithm = asked ?? version.checksum?.algorithm;
  if (!algorithm) return undefined;
  if (version.checksum?.algorithm === algorithm && version.checksum.type === "FULL_OBJECT") return version.checksum;
  const digests = await storageOf(context).bytes.digest(version.bytes, [algorithm]);
  return { algorithm, value: digests[algorithm] as string, type: "FULL_OBJECT" };
}
