import type { UploadPartCopyOutput, UploadPartCopyRequest, UploadPartRequest } from "@aws-sdk/client-s3";
import type { ByteRange } from "../../../objects/bytes/byte-store.ts";
import type { DigestAlgorithm } from "../../../objects/checksums/digest-set.ts";
import { etagOf } from "../../../objects/entity-tag.ts";
import type { StreamHandler } from "../../service.ts";
import { invalidArgument, openBucket, type S3Handler, storageOf } from "../access.ts";
import { ChecksumClaim, checksumHeaders, checksumOutput } from "../object/checksum-claim.ts";
import { openCopySource } from "../object/copy-source.ts";
import { takeIn } from "../object/put.ts";
import { requirePartNumber, uploadIdOf } from "./uploads.ts";

export const uploadPart: StreamHandler<UploadPartRequest> = async (input, context, { request, response, body }) => {
  const bucket = await openBucket(input, context);
  const { uploads } = storageOf(context);
  const id = uploadIdOf(input);
  const partNumber = requirePartNumber(input.PartNumber);
  const { value: upload } = await uploads.get(id);
  const claim = new ChecksumClaim(request.headers, upload.checksumAlgorithm);
  const seal = uploads.sealOf(bucket, id.key, upload);
  const { ingested, checksum, etag } = await takeIn(context, body, claim, seal);
  await uploads.putPart(id, partNumber, { ingested, etag, ...(checksum && { checksum }) });
  response.setHeader("ETag", etag);
  if (checksum) response.setHeader(checksumHeaders[checksum.algorithm], checksum.value);
  response.setHeader("Content-Length", 0);
  response.end();
};

/** Reads a part from another object, or a range of it. */
export const uploadPartCopy: S3Handler<UploadPartCopyRequest, UploadPartCopyOutput> = async (input, context) => {
  const bucket = await openBucket(input, context);
  const { uploads, bytes } = storageOf(context);
  const id = uploadIdOf(input);
  const partNumber = requirePartNumber(input.PartNumber);
  const { value: upload } = await uploads.get(id);
  const source = await openCopySource(input, context);
  const range = copyRange(input.CopySourceRange, source.version.bytes.sizeBytes);
  const algorithm = upload.checksumAlgorithm;
  const digests: DigestAlgorithm[] = algorithm ? ["MD5", algorithm] : ["MD5"];
  const seal = uploads.sealOf(bucket, id.key, upload);
  const ingested = await bytes.ingest(await bytes.stream(source.version.bytes, range), digests, { seal });
  const etag = etagOf(ingested);
  const checksum = algorithm && {
    algorithm,
    value: ingested.digests[algorithm] as string,
    type: "FULL_OBJECT" as const,
  };
  const part = await uploads.putPart(id, partNumber, { ingested, etag, ...(checksum && { checksum }) });
  const { ChecksumType: _type, ...sums } = checksumOutput(checksum);
  return {
    CopyPartResult: { ETag: etag, LastModified: new Date(part.modifiedAt), ...sums },
    ...(source.bucket.versioning && { CopySourceVersionId: source.version.versionId }),
  };
};

/** Stricter than a read's range: both ends must be there and inside the object. */
function copyRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  const match = /^bytes=(\d+)-(\d+)$/.exec(header);
  const [start, end] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || end < start) {
    throw invalidArgument(
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
      { ArgumentName: "x-amz-copy-source-range", ArgumentValue: header },
    );
  }
  if (end >= sizeBytes) {
    throw invalidArgument(`Range specified is not valid for source object of size: ${sizeBytes}`, {
      ArgumentName: "x-amz-copy-source-range",
      ArgumentValue: header,
    });
  }
  return { start, end };
}
