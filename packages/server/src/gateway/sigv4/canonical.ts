import { hash, type KeyObject, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Claim } from "./claim.ts";
import { canonicalPath, canonicalQuery, type Query } from "./encode.ts";
import { hmacSha256 } from "./hmac.ts";

/** The parts of a request that a signature covers. */
export interface SignedRequest {
  readonly method: string;
  /** Path of the request line, without the query. */
  readonly path: string;
  readonly query: Query;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Checks a request's signature.
 * @param payloadHash - As signed: hex SHA-256 of the body, or one of the words that stand for it.
 */
export function isSignedBy(key: KeyObject, claim: Claim, request: SignedRequest, payloadHash: string): boolean {
  const canonical = canonicalRequest(claim, request, payloadHash);
  if (matches(key, claim, canonical)) return true;
  // Node reads headers as Latin-1. A client that signed and sent UTF-8 meant the same bytes.
  // oxlint-disable-next-line no-control-regex -- the whole of ASCII is meant
  return /[^\x00-\x7f]/.test(canonical) && matches(key, claim, Buffer.from(canonical, "latin1"));
}

function matches(key: KeyObject, claim: Claim, canonical: string | Buffer): boolean {
  return isSignature(key, stringToSign(claim, hash("sha256", canonical)), claim.signature);
}

/** Compares in constant time. `signature` is lower-case hex. */
export function isSignature(key: KeyObject, text: string, signature: string): boolean {
  const given = Buffer.from(signature, "latin1");
  const expected = Buffer.from(hmacSha256(key, text), "latin1");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** What the HMAC is taken of. */
function stringToSign(claim: Claim, canonicalHash: string): string {
  return `AWS4-HMAC-SHA256\n${claim.timestamp}\n${claim.credential.scope}\n${canonicalHash}`;
}

/** The canonical request of SigV4. */
function canonicalRequest(claim: Claim, request: SignedRequest, payloadHash: string): string {
  const path = canonicalPath(request.path, claim.credential.service === "s3" ? "s3" : "other");
  const query = canonicalQuery(request.query, claim.form === "query" ? "X-Amz-Signature" : undefined);
  let headers = "";
  let from = 0;
  const names = claim.signedHeaders;
  while (from <= names.length) {
    let to = names.indexOf(";", from);
    if (to < 0) to = names.length;
    const name = names.slice(from, to);
    headers += `${name}:${canonicalValue(request.headers[name])}\n`;
    from = to + 1;
  }
  return `${request.method}\n${path}\n${query}\n${headers}\n${names}\n${payloadHash}`;
}

const blanks = /\s\s+|[^\S ]/;

function canonicalValue(value: string | string[] | undefined): string {
  if (value === undefined) return "";
  const text = typeof value === "string" ? value : value.join(",");
  // Almost every value is already in its canonical form.
  return (blanks.test(text) ? text.replaceAll(/\s+/g, " ") : text).trim();
}

/**
 * Headers that change what a request means and must therefore be under the signature: the host, and everything of
 * AWS's own. `x-amz-user-agent` and trace ids say nothing.
 * @returns The first such header that is not signed.
 */
export function unsignedHeader(claim: Claim, headers: IncomingHttpHeaders): string | undefined {
  const signed = `;${claim.signedHeaders};`;
  if (!signed.includes(";host;")) return "host";
  for (const name in headers) {
    if (!name.startsWith("x-amz-") || name === "x-amz-user-agent") continue;
    // Presigned requests may carry the payload's hash beside an address that was signed without it.
    if (claim.form === "query" && name === "x-amz-content-sha256") continue;
    if (!signed.includes(`;${name};`)) return name;
  }
  return undefined;
}
