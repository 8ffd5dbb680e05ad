import type { IncomingHttpHeaders } from "node:http";
import { ServiceError } from "../../../errors.ts";
import type { Encryption, ObjectAttributes, Tag } from "../../../objects/object-records.ts";
import { invalidArgument, notImplemented } from "../access.ts";
import { requireCannedAcl } from "../acl.ts";

/** Names and values of user metadata together, as S3 counts them. */
const METADATA_BYTES = 2048;
const TAGS_OF_AN_OBJECT = 10;

/**
 * What the headers of an upload say about the object. Header names serve form fields as well.
 * @throws ServiceError `MetadataTooLarge`, `InvalidTag`, `InvalidStorageClass`, `NotImplemented`.
 */
export function attributesOf(headers: IncomingHttpHeaders): ObjectAttributes {
  requireCannedAcl(text(headers, "x-amz-acl"));
  if (headers["x-amz-server-side-encryption-customer-algorithm"] !== undefined) {
    throw notImplemented("server-side encryption with customer-provided keys");
  }
  if (headers["x-amz-object-lock-mode"] !== undefined) throw notImplemented("object lock");
  const metadata = metadataOf(headers);
  const tagging = text(headers, "x-amz-tagging");
  const storageClass = text(headers, "x-amz-storage-class");
  if (storageClass !== undefined && !/^[A-Z_]+$/.test(storageClass)) {
    throw new ServiceError("InvalidStorageClass", "The storage class you specified is not valid", { status: 400 });
  }
  const encryption = encryptionOf(headers);
  const encoding = contentEncoding(text(headers, "content-encoding"));
  return {
    ...one("contentType", text(headers, "content-type")),
    ...one("cacheControl", text(headers, "cache-control")),
    ...one("contentDisposition", text(headers, "content-disposition")),
    ...one("contentEncoding", encoding),
    ...one("contentLanguage", text(headers, "content-language")),
    ...one("expires", text(headers, "expires")),
    ...one("storageClass", storageClass === "STANDARD" ? undefined : storageClass),
    ...one("websiteRedirectLocation", text(headers, "x-amz-website-redirect-location")),
    ...(metadata && { metadata }),
    ...(tagging && { tags: parseTags(tagging) }),
    ...(encryption && { encryption }),
  };
}

/** @throws ServiceError `MetadataTooLarge`. */
function metadataOf(headers: IncomingHttpHeaders): Record<string, string> | undefined {
  const prefix = "x-amz-meta-";
  let size = 0;
  let metadata: Record<string, string> | undefined;
  for (const name in headers) {
    if (!name.startsWith(prefix)) continue;
    metadata ??= {};
    const value = String(headers[name]);
    metadata[name.slice(prefix.length)] = value;
    size += Buffer.byteLength(name) - prefix.length + Buffer.byteLength(value);
  }
  if (size > METADATA_BYTES) {
    throw new ServiceError("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", {
      status: 400,
      members: { Size: size, MaxSizeAllowed: METADATA_BYTES },
    });
  }
  return metadata;
}

function encryptionOf(headers: IncomingHttpHeaders): Encryption | undefined {
  const algorithm = text(headers, "x-amz-server-side-encryption");
  if (algorithm === undefined) return undefined;
  if (!["AES256", "aws:kms", "aws:kms:dsse"].includes(algorithm)) {
    throw invalidArgument("The encryption method specified is not supported", {
      ArgumentName: "x-amz-server-side-encryption",
      ArgumentValue: algorithm,
    });
  }
  const keyId = text(headers, "x-amz-server-side-encryption-aws-kms-key-id");
  const bucketKey = text(headers, "x-amz-server-side-encryption-bucket-key-enabled");
  return { algorithm, ...(keyId && { keyId }), ...(bucketKey === "true" && { bucketKey: true }) };
}

/** `aws-chunked` is the transfer's form, not the object's. */
function contentEncoding(value: string | undefined): string | undefined {
  const rest = value?.split(",").filter((part) => part.trim().toLowerCase() !== "aws-chunked");
  return rest && rest.length > 0 ? rest.join(",").trim() : undefined;
}

/** Tags in the form of a URL query. @throws ServiceError `InvalidArgument`, `InvalidTag`. */
export function parseTags(query: string): Tag[] {
  const tags = [...new URLSearchParams(query)].map(([Key, Value]) => ({ Key, Value }));
  requireTags(tags);
  return tags;
}

/** @throws ServiceError `BadRequest`, `InvalidTag`. */
export function requireTags(tags: readonly Tag[]): void {
  if (tags.length > TAGS_OF_AN_OBJECT) {
    throw new ServiceError("BadRequest", `Object tags cannot be greater than ${TAGS_OF_AN_OBJECT}`, { status: 400 });
  }
  const seen = new Set<string>();
  for (const { Key, Value } of tags) {
    if (Key.length < 1 || Key.length > 128) throw invalidTag("The TagKey you have provided is invalid", Key);
    if (Value.length > 256) throw invalidTag("The TagValue you have provided is invalid", Key);
    if (seen.has(Key)) throw invalidTag("Cannot provide multiple Tags with the same key", Key);
    seen.add(Key);
  }
}

function invalidTag(message: string, key: string): ServiceError {
  return new ServiceError("InvalidTag", message, { status: 400, members: { TagKey: key } });
}

function text(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return value === undefined ? undefined : String(value);
}

function one<Name extends string>(name: Name, value: string | undefined): { [name in Name]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [name in Name]?: string });
}
