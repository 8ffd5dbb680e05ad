import type {
  AbortMultipartUploadRequest,
  CompletedPart,
  CompleteMultipartUploadOutput,
  CompleteMultipartUploadRequest,
  CreateMultipartUploadOutput,
  CreateMultipartUploadRequest,
  ListPartsOutput,
  ListPartsRequest,
  ServerSideEncryption,
} from "@aws-sdk/client-s3";
import { ServiceError } from "../../../errors.ts";
import type { ObjectAttributes, StoredChecksum, UploadRecord } from "../../../objects/object-records.ts";
import { MOST_PARTS, type UploadId } from "../../../objects/uploads.ts";
import {
  invalidArgument,
  invalidRequest,
  openBucket,
  ownerOf,
  requireKey,
  type S3Handler,
  storageOf,
} from "../access.ts";
import { requireCannedAcl } from "../acl.ts";
import { parseTags } from "../object/attributes.ts";
import { badDigest, checksumMembers, checksumOutput, requireAlgorithm } from "../object/checksum-claim.ts";

const LARGEST_PAGE = 1000;

export const createMultipartUpload: S3Handler<CreateMultipartUploadRequest, CreateMultipartUploadOutput> = async (
  input,
  context,
) => {
  requireCannedAcl(input.ACL);
  const bucket = await openBucket(input, context);
  const key = input.Key as string;
  requireKey(key);
  const algorithm = input.ChecksumAlgorithm && requireAlgorithm(input.ChecksumAlgorithm);
  const type = input.ChecksumType ?? (algorithm === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE");
  requireChecksumType(algorithm, type);
  const upload = await storageOf(context).uploads.begin(bucket.name, key, {
    owner: context.scope.account,
    attributes: attributesOfUpload(input),
    ...(algorithm && { checksumAlgorithm: algorithm, checksumType: type }),
  });
  return {
    Bucket: bucket.name,
    Key: key,
    UploadId: upload.uploadId,
    ...(algorithm && { ChecksumAlgorithm: algorithm, ChecksumType: type }),
    ...encryptionOutput(upload),
  };
};

export const completeMultipartUpload: S3Handler<CompleteMultipartUploadRequest, CompleteMultipartUploadOutput> = async (
  input,
  context,
) => {
  const bucket = await openBucket(input, context);
  const storage = storageOf(context);
  const id = uploadIdOf(input);
  const upload = (await storage.uploads.get(id)).value;
  const parts = input.MultipartUpload?.Parts ?? [];
  if (parts.length === 0) {
    throw new ServiceError(
      "MalformedXML",
      "The XML you provided was not well-formed or did not validate against our published schema",
      {
        status: 400,
      },
    );
  }
  const conditions = {
    ...(input.IfMatch && { ifMatch: input.IfMatch }),
    ...(input.IfNoneMatch && { ifNoneMatch: input.IfNoneMatch }),
  };
  const version = await storage.uploads.complete(
    id,
    parts.map((part) => claimOf(part, upload)),
    { conditions, expected: (made) => requireExpected(input, made) },
  );
  return {
    Location: `${context.publicUrl}/${bucket.name}/${encodeURIComponent(id.key).replaceAll("%2F", "/")}`,
    Bucket: bucket.name,
    Key: id.key,
    ETag: version.etag,
    ...checksumOutput(version.checksum),
    ...(bucket.versioning && { VersionId: version.versionId }),
    ...encryptionOutput(upload),
  };
};

function encryptionOutput({ attributes: { encryption } }: UploadRecord) {
  if (!encryption) return {};
  const { algorithm, keyId } = encryption;
  return { ServerSideEncryption: algorithm as ServerSideEncryption, ...(keyId && { SSEKMSKeyId: keyId }) };
}

export const abortMultipartUpload: S3Handler<AbortMultipartUploadRequest, Record<string, never>> = async (
  input,
  context,
) => {
  await openBucket(input, context);
  await storageOf(context).uploads.abort(uploadIdOf(input));
  return {};
};

export const listParts: S3Handler<ListPartsRequest, ListPartsOutput> = async (input, context) => {
  const bucket = await openBucket(input, context);
  const { uploads } = storageOf(context);
  const id = uploadIdOf(input);
  const { value: upload } = await uploads.get(id);
  const limit = Math.min(input.MaxParts ?? LARGEST_PAGE, LARGEST_PAGE);
  const after = Number(input.PartNumberMarker ?? 0);
  if (!Number.isInteger(after) || after < 0) throw invalidArgument("Argument part-number-marker must be an integer.");
  const found = await uploads.parts(id.uploadId, after, limit + 1);
  const page = found.slice(0, limit);
  return {
    Bucket: bucket.name,
    Key: id.key,
    UploadId: id.uploadId,
    PartNumberMarker: String(after),
    MaxParts: limit,
    IsTruncated: found.length > limit,
    NextPartNumberMarker: String(page.at(-1)?.partNumber ?? 0),
    Parts: page.map(({ partNumber, bytes, etag, modifiedAt, checksum }) => ({
      PartNumber: partNumber,
      Size: bytes.sizeBytes,
      ETag: etag,
      LastModified: new Date(modifiedAt),
      ...(checksum && { [checksumMembers[checksum.algorithm]]: checksum.value }),
    })),
    Owner: ownerOf(bucket.owner),
    Initiator: ownerOf(upload.owner),
    StorageClass: "STANDARD",
    ...(upload.checksumAlgorithm && {
      ChecksumAlgorithm: upload.checksumAlgorithm,
      ChecksumType: upload.checksumType,
    }),
  };
};

/** The upload that an input names. */
export function uploadIdOf(input: {
  Bucket?: string | undefined;
  Key?: string | undefined;
  UploadId?: string | undefined;
}): UploadId {
  return { bucket: input.Bucket as string, key: input.Key as string, uploadId: input.UploadId as string };
}

/** @throws ServiceError `InvalidArgument` for a number that no part can have. */
export function requirePartNumber(partNumber: number | undefined): number {
  if (partNumber !== undefined && partNumber >= 1 && partNumber <= MOST_PARTS) return partNumber;
  throw invalidArgument(`Part number must be an integer between 1 and ${MOST_PARTS}, inclusive`, {
    ArgumentName: "partNumber",
    ArgumentValue: partNumber,
  });
}

function claimOf(part: CompletedPart, upload: UploadRecord) {
  const checksum = upload.checksumAlgorithm && part[checksumMembers[upload.checksumAlgorithm]];
  return {
    partNumber: requirePartNumber(part.PartNumber),
    etag: part.ETag ?? "",
    ...(checksum !== undefined && { checksum }),
  };
}

/** SHA digests of a whole do not follow from those of its parts; CRC-64/NVME exists only for whole objects. */
function requireChecksumType(algorithm: string | undefined, type: string): void {
  const fits =
    algorithm === undefined ||
    (type === "FULL_OBJECT" ? algorithm.startsWith("CRC") : type === "COMPOSITE" && algorithm !== "CRC64NVME");
  if (!fits) throw invalidRequest(`The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`);
}

/** The checksum of the whole that the caller sends with the completion. @throws ServiceError `BadDigest`. */
function requireExpected(input: CompleteMultipartUploadRequest, made: StoredChecksum | undefined): void {
  for (const [algorithm, member] of Object.entries(checksumMembers)) {
    const expected = input[member];
    if (expected === undefined || algorithm !== made?.algorithm) continue;
    // Clients send a composite value with and without the number of parts.
    if (expected === made.value || expected === made.value.replace(/-\d+$/, "")) continue;
    throw badDigest(`The ${algorithm} you specified did not match the calculated checksum.`);
  }
}

function attributesOfUpload(input: CreateMultipartUploadRequest): ObjectAttributes {
  return {
    ...(input.ContentType && { contentType: input.ContentType }),
    ...(input.CacheControl && { cacheControl: input.CacheControl }),
    ...(input.ContentDisposition && { contentDisposition: input.ContentDisposition }),
    ...(input.ContentEncoding && { contentEncoding: input.ContentEncoding }),
    ...(input.ContentLanguage && { contentLanguage: input.ContentLanguage }),
    ...(input.Expires && { expires: input.Expires.toUTCString() }),
    ...(input.Metadata && { metadata: input.Metadata }),
    ...(input.Tagging && { tags: parseTags(input.Tagging) }),
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
