import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { PutObjectRequest } from "@aws-sdk/client-s3";
import { ServiceError } from "../../../errors.ts";
import type { Bucket } from "../../../objects/buckets.ts";
import { HASHED_HERE_BYTES } from "../../../objects/bytes/ingest.ts";
import { encryptionFor, type Seal } from "../../../objects/encryption.ts";
import { etagOf } from "../../../objects/entity-tag.ts";
import type { ObjectVersion } from "../../../objects/object-records.ts";
import type { WriteConditions } from "../../../objects/objects.ts";
import type { OperationContext, RequestBody, StreamHandler } from "../../service.ts";
import { invalidArgument, notImplemented, openBucket, requireKey, storageOf } from "../access.ts";
import { attributesOf } from "./attributes.ts";
import { ChecksumClaim, checksumHeaders } from "./checksum-claim.ts";

/** One PUT or one part at most, as S3 has it. */
const LARGEST_PUT_BYTES = 5 * 1024 ** 3;

/** Stores the body as the current version of a key. Conditions are checked as the version is committed. */
export const putObject: StreamHandler<PutObjectRequest> = async (input, context, { request, response, body }) => {
  const bucket = await openBucket(input, context);
  const key = input.Key as string;
  requireKey(key);
  const { headers } = request;
  if (headers["x-amz-write-offset-bytes"] !== undefined) throw notImplemented("appending to objects");
  const { encryption: asked, ...described } = attributesOf(headers);
  const conditions = writeConditions(headers);
  const claim = new ChecksumClaim(headers);
  const storage = storageOf(context);
  const { encryption, seal } = encryptionFor(storage.bytes.keys, bucket, key, asked);
  const attributes = { ...described, ...(encryption && { encryption }) };
  const { ingested, checksum, etag } = await takeIn(context, body, claim, seal);
  const source = { kind: "fresh", ingested } as const;
  const draft = { source, etag, attributes, ...(checksum && { checksum }) };
  const version = await storage.objects.put(bucket.name, key, draft, { conditions });
  writeHeaders(response, bucket, version);
  response.end();
};

/** Reads a body into the catalogue and checks what was claimed of it. Nothing is kept when a claim does not hold. */
export async function takeIn(context: OperationContext, body: RequestBody, claim: ChecksumClaim, seal?: Seal) {
  requireSize(body.sizeBytes ?? 0);
  const { bytes } = storageOf(context);
  // Reading a short body whole costs a third of a stream's set-up.
  const isShort = body.sizeBytes !== undefined && body.sizeBytes <= HASHED_HERE_BYTES;
  const ingested = isShort
    ? await bytes.ingestWhole(await body.read(HASHED_HERE_BYTES), claim.digests, seal)
    : await bytes.ingest(body.stream(), claim.digests, { owned: true, seal });
  try {
    requireSize(ingested.bytes.sizeBytes);
    const checksum = claim.verify(ingested.digests, body.trailers);
    return { ingested, checksum, etag: etagOf(ingested) };
  } catch (error) {
    await ingested.discard();
    throw error;
  }
}

/** @throws ServiceError `InvalidArgument` for a condition that S3 does not know. */
export function writeConditions(headers: IncomingHttpHeaders): WriteConditions {
  const { "if-match": ifMatch, "if-none-match": ifNoneMatch } = headers;
  if (ifNoneMatch !== undefined && ifNoneMatch !== "*")
    throw notImplemented("If-None-Match with an entity tag on writes");
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw invalidArgument("If-Match and If-None-Match cannot be specified together.");
  }
  return { ...(ifMatch !== undefined && { ifMatch }), ...(ifNoneMatch !== undefined && { ifNoneMatch }) };
}

function writeHeaders(response: ServerResponse, { versioning }: Bucket, version: ObjectVersion): void {
  response.setHeader("ETag", version.etag);
  if (versioning) response.setHeader("x-amz-version-id", version.versionId);
  if (version.checksum) {
    response.setHeader(checksumHeaders[version.checksum.algorithm], version.checksum.value);
    response.setHeader("x-amz-checksum-type", version.checksum.type);
  }
  setEncryption(response, version);
  response.setHeader("Content-Length", 0);
}

/** Says how an object is encrypted. */
export function setEncryption(response: ServerResponse, { attributes }: Pick<ObjectVersion, "attributes">): void {
  const { encryption } = attributes;
  if (!encryption) return;
  response.setHeader("x-amz-server-side-encryption", encryption.algorithm);
  if (encryption.keyId) response.setHeader("x-amz-server-side-encryption-aws-kms-key-id", encryption.keyId);
  if (encryption.bucketKey) response.setHeader("x-amz-server-side-encryption-bucket-key-enabled", "true");
}

function requireSize(sizeBytes: number): void {
  if (sizeBytes <= LARGEST_PUT_BYTES) return;
  throw new ServiceError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", {
    status: 400,
    members: { ProposedSize: sizeBytes, MaxSizeAllowed: LARGEST_PUT_BYTES },
  });
}
