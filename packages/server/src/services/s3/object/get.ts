import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { GetObjectRequest, HeadObjectRequest } from "@aws-sdk/client-s3";
import { ServiceError } from "../../../errors.ts";
import { preconditionFailed } from "../../../objects/bucket-errors.ts";
import type { Bucket } from "../../../objects/buckets.ts";
import type { ByteRange } from "../../../objects/bytes/byte-store.ts";
import type { ObjectVersion, PartSummary } from "../../../objects/object-records.ts";
import type { OperationContext, StreamHandler } from "../../service.ts";
import { openBucket, storageOf } from "../access.ts";
import { checksumHeaders } from "./checksum-claim.ts";
import { judge } from "./conditions.ts";
import { setEncryption } from "./put.ts";
import { invalidPartNumber, parseRange } from "./range.ts";

type ReadRequest = GetObjectRequest | HeadObjectRequest;

/** What a read answers: which version, which of its bytes. */
interface Selection {
  readonly bucket: Bucket;
  readonly version: ObjectVersion;
  readonly range?: ByteRange;
  readonly part?: PartSummary;
}

export const getObject: StreamHandler<GetObjectRequest> = async (input, context, { response }) => {
  const selection = await select(input, context, response);
  if (!selection) return;
  const { version, range } = selection;
  const found = await storageOf(context).bytes.read(version.bytes, range);
  writeHead(response, selection, input);
  if (Buffer.isBuffer(found)) {
    response.end(found);
    return;
  }
  try {
    await pipeline(found, response);
  } catch (error) {
    // The caller hung up: its business. Anything else cut the answer short, and the caller sees that by its length.
    if (!context.signal.aborted && !response.destroyed) throw error;
  }
};

export const headObject: StreamHandler<HeadObjectRequest> = async (input, context, { response }) => {
  const selection = await select(input, context, response);
  if (!selection) return;
  writeHead(response, selection, input);
  response.end();
};

/** Finds what is asked for. @returns `undefined` when the answer was "not modified". */
async function select(
  input: ReadRequest,
  context: OperationContext,
  response: ServerResponse,
): Promise<Selection | undefined> {
  const bucket = await openBucket(input, context);
  const storage = storageOf(context);
  const version = await storage.objects.get(bucket.name, input.Key as string, input.VersionId);
  const verdict = judge(
    {
      ifMatch: input.IfMatch,
      ifNoneMatch: input.IfNoneMatch,
      ifModifiedSince: input.IfModifiedSince,
      ifUnmodifiedSince: input.IfUnmodifiedSince,
    },
    version,
  );
  if (typeof verdict === "object") throw preconditionFailed(verdict.failed);
  if (verdict === "not-modified") {
    response.statusCode = 304;
    response.setHeader("ETag", version.etag);
    response.setHeader("Last-Modified", new Date(version.modifiedAt).toUTCString());
    if (bucket.versioning) response.setHeader("x-amz-version-id", version.versionId);
    response.end();
    return undefined;
  }
  if (input.PartNumber !== undefined) {
    if (input.Range !== undefined) {
      throw new ServiceError("InvalidRequest", "Cannot specify both Range header and partNumber query parameter", {
        status: 400,
      });
    }
    return { bucket, version, ...(await selectPart(context, version, input.PartNumber)) };
  }
  const range = parseRange(input.Range, version.bytes.sizeBytes);
  return { bucket, version, ...(range && { range }) };
}

/** The bytes of one part; an object that was put whole has one part. */
async function selectPart(
  context: OperationContext,
  version: ObjectVersion,
  partNumber: number,
): Promise<{ range?: ByteRange; part?: PartSummary }> {
  const parts = version.partCount === undefined ? undefined : await storageOf(context).bytes.parts(version.bytes.id);
  if (!parts) {
    if (partNumber !== 1) throw invalidPartNumber(partNumber, 1);
    const { sizeBytes } = version.bytes;
    return sizeBytes > 0 ? { range: { start: 0, end: sizeBytes - 1 } } : {};
  }
  // S3 counts the parts of a finished object from 1, whatever numbers they were uploaded under.
  const part = parts[partNumber - 1];
  if (part) {
    const start = parts.slice(0, partNumber - 1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return part.sizeBytes > 0 ? { range: { start, end: start + part.sizeBytes - 1 }, part } : { part };
  }
  throw invalidPartNumber(partNumber, parts.length);
}

function writeHead(response: ServerResponse, { bucket, version, range, part }: Selection, input: ReadRequest): void {
  const { attributes, bytes } = version;
  const set = (name: string, value: string | number | undefined) => {
    if (value !== undefined) response.setHeader(name, typeof value === "string" ? headerText(value) : value);
  };
  response.statusCode = range ? 206 : 200;
  set("Content-Length", range ? range.end - range.start + 1 : bytes.sizeBytes);
  if (range) set("Content-Range", `bytes ${range.start}-${range.end}/${bytes.sizeBytes}`);
  set("Accept-Ranges", "bytes");
  set("ETag", version.etag);
  set("Last-Modified", new Date(version.modifiedAt).toUTCString());
  set("Content-Type", asHeader(input.ResponseContentType) ?? attributes.contentType ?? "binary/octet-stream");
  set("Cache-Control", asHeader(input.ResponseCacheControl) ?? attributes.cacheControl);
  set("Content-Disposition", asHeader(input.ResponseContentDisposition) ?? attributes.contentDisposition);
  set("Content-Encoding", asHeader(input.ResponseContentEncoding) ?? attributes.contentEncoding);
  set("Content-Language", asHeader(input.ResponseContentLanguage) ?? attributes.contentLanguage);
  set("Expires", input.ResponseExpires?.toUTCString() ?? attributes.expires);
  set("x-amz-website-redirect-location", attributes.websiteRedirectLocation);
  set("x-amz-storage-class", attributes.storageClass);
  set("x-amz-tagging-count", attributes.tags?.length || undefined);
  if (bucket.versioning) set("x-amz-version-id", version.versionId);
  if (input.PartNumber !== undefined) set("x-amz-mp-parts-count", version.partCount);
  for (const [name, value] of Object.entries(attributes.metadata ?? {})) set(`x-amz-meta-${name}`, value);
  setEncryption(response, version);
  setChecksum(response, { version, range, part }, input);
  // Node takes this one header for Latin-1 text and converts it, unless the head goes out before the body is known.
  const disposition = response.getHeader("Content-Disposition");
  // oxlint-disable-next-line no-control-regex -- all of ASCII is meant
  if (typeof disposition === "string" && /[^\x00-\x7f]/.test(disposition)) response.flushHeaders();
}

function setChecksum(
  response: ServerResponse,
  {
    version: { checksum },
    range,
    part,
  }: { version: ObjectVersion; range: ByteRange | undefined; part: PartSummary | undefined },
  input: ReadRequest,
): void {
  // A checksum of the whole says nothing of a range; a part has its own.
  const isWhole = !range || input.PartNumber !== undefined;
  if (input.ChecksumMode !== "ENABLED" || !checksum || !isWhole) return;
  const value = part ? part.checksum : checksum.value;
  if (value !== undefined) response.setHeader(checksumHeaders[checksum.algorithm], value);
  response.setHeader("x-amz-checksum-type", checksum.type);
}

/**
 * Text from the query as a header: UTF-8 bytes, which is how S3 sends it. What came in headers is stored as it came.
 */
function asHeader(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text, "utf8").toString("latin1");
}

/** Line breaks must not pass, and Node refuses characters beyond Latin-1 (form fields may have them). */
function headerText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what must not pass
  const line = text.replaceAll(/[\x00-\x08\x0a-\x1f\x7f]/g, " ");
  // oxlint-disable-next-line no-control-regex -- all of Latin-1 is meant
  return /[^\x00-\xff]/.test(line) ? Buffer.from(line, "utf8").toString("latin1") : line;
}
