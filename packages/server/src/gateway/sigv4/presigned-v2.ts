import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Query } from "./encode.ts";

/**
 * Signature version 2 in a presigned S3 address. Superseded, but it is what boto3's `generate_presigned_url` still makes
 * in regions that existed before 2014 unless it is told otherwise, so unchanged user code depends on it.
 */
export interface ClaimV2 {
  readonly accessKeyId: string;
  /** Base64. */
  readonly signature: string;
  /** Seconds since 1970. */
  readonly expires: number;
  readonly sessionToken?: string | undefined;
}

/** Reads the claim; `undefined` when the query has no `AWSAccessKeyId`. */
export function claimV2(query: Query): ClaimV2 | { readonly malformed: string } | undefined {
  const given = new Map(query);
  const accessKeyId = given.get("AWSAccessKeyId");
  if (accessKeyId === undefined) return undefined;
  const signature = given.get("Signature");
  const expires = given.get("Expires");
  if (signature === undefined || expires === undefined || !/^\d{1,12}$/.test(expires)) {
    return { malformed: "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters" };
  }
  return { accessKeyId, signature, expires: Number(expires), sessionToken: given.get("x-amz-security-token") };
}

/** Query parameters that are part of the resource that is signed. */
const subresources = new Set(
  (
    "accelerate acl cors defaultObjectAcl delete lifecycle location logging notification partNumber policy " +
    "requestPayment response-cache-control response-content-disposition response-content-encoding " +
    "response-content-language response-content-type response-expires restore storageClass tagging torrent " +
    "uploadId uploads versionId versioning versions website"
  ).split(" "),
);

/** Checks an address. `bucket` is the one of a virtual host, which the signed resource begins with. */
export function isSignedV2(
  secret: string,
  claim: ClaimV2,
  request: { method: string; path: string; query: Query; headers: IncomingHttpHeaders; bucket?: string | undefined },
): boolean {
  const { method, headers, query } = request;
  const signed = signedHeaders(headers, query);
  const amz = [...signed]
    .filter(([name]) => name.startsWith("x-amz-") && name !== "x-amz-date")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value.trim()}\n`)
    .join("");
  const resource = `${request.bucket ? `/${request.bucket}` : ""}${request.path}${subresource(request.query)}`;
  const text = `${method}\n${signed.get("content-md5") ?? ""}\n${signed.get("content-type") ?? ""}\n${claim.expires}\n${amz}${resource}`;
  return isSha1Signature(secret, text, claim.signature);
}

/** Headers; what a presigned address carries for its user in the query counts as a header where none was sent. */
function signedHeaders(headers: IncomingHttpHeaders, query: Query): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of query) {
    if (name.startsWith("x-amz-") || name === "content-type" || name === "content-md5") found.set(name, value);
  }
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) found.set(name, String(value));
  return found;
}

/** Compares a base64 HMAC-SHA1 in constant time; form uploads with version 2 policies are signed the same way. */
export function isSha1Signature(secret: string, text: string, signature: string): boolean {
  const expected = createHmac("sha1", secret).update(text).digest();
  const given = Buffer.from(signature, "base64");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function subresource(query: Query): string {
  const parts = query
    .filter(([name]) => subresources.has(name))
    .map(([name, value]) => (value === "" ? name : `${name}=${value}`))
    .sort();
  return parts.length > 0 ? `?${parts.join("&")}` : "";
}
