import type { IncomingHttpHeaders } from "node:http";
import { type Credential, readCredential } from "./credential.ts";
import type { Query } from "./encode.ts";

/** What a request says of itself: who signed what, when. Nothing of it is proven yet. */
export interface Claim {
  readonly form: "header" | "query";
  readonly credential: Credential;
  /** Lower case, sorted by the signer, joined by `;`. */
  readonly signedHeaders: string;
  /** 64 hex digits. */
  readonly signature: string;
  /** `YYYYMMDD'T'HHMMSS'Z'`. */
  readonly timestamp: string;
  readonly sessionToken?: string | undefined;
  /** Seconds that a presigned address is good for. */
  readonly expiresSeconds?: number | undefined;
}

/** A signature that cannot even be read. The message follows AWS's. */
export interface Malformed {
  readonly malformed: string;
}

const algorithm = "AWS4-HMAC-SHA256";

/** Reads the claim of the `Authorization` header. `undefined` when there is none of SigV4's form. */
export function claimOfHeader(headers: IncomingHttpHeaders): Claim | Malformed | undefined {
  const authorization = headers.authorization;
  if (authorization === undefined) return undefined;
  if (!authorization.startsWith(algorithm)) return undefined;
  const credential = field(authorization, "Credential=");
  const signedHeaders = field(authorization, "SignedHeaders=");
  const signature = field(authorization, "Signature=");
  if (credential === undefined || signature === undefined || signedHeaders === undefined) {
    const texts = Object.entries({ Credential: credential, Signature: signature, SignedHeaders: signedHeaders })
      .filter(([, value]) => value === undefined)
      .map(([name]) => `Authorization header requires '${name}' parameter.`);
    return { malformed: texts.join(" ") };
  }
  const date = headers["x-amz-date"] ?? dateHeader(headers.date);
  if (typeof date !== "string") {
    return {
      malformed: "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    };
  }
  return claim("header", credential, {
    signedHeaders,
    signature,
    timestamp: date,
    sessionToken: headers["x-amz-security-token"] as string | undefined,
  });
}

/** Reads the claim of a presigned address. `undefined` when the query has no `X-Amz-Algorithm`. */
export function claimOfQuery(query: Query): Claim | Malformed | undefined {
  const given = new Map<string, string>();
  for (const [name, value] of query) if (name.startsWith("X-Amz-") && !given.has(name)) given.set(name, value);
  const stated = given.get("X-Amz-Algorithm");
  if (stated === undefined) return undefined;
  if (stated !== algorithm) return { malformed: `X-Amz-Algorithm only supports "${algorithm}".` };
  const credential = given.get("X-Amz-Credential");
  const signature = given.get("X-Amz-Signature");
  const timestamp = given.get("X-Amz-Date");
  const signedHeaders = given.get("X-Amz-SignedHeaders");
  if (credential === undefined || signature === undefined || timestamp === undefined || signedHeaders === undefined) {
    return {
      malformed:
        "Query-string authentication requires X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date and X-Amz-SignedHeaders.",
    };
  }
  const expires = given.get("X-Amz-Expires");
  if (expires !== undefined && !/^\d{1,9}$/.test(expires)) return { malformed: "X-Amz-Expires should be a number." };
  return claim("query", credential, {
    signedHeaders,
    signature,
    timestamp,
    sessionToken: given.get("X-Amz-Security-Token"),
    // Addresses presigned by other services' signers may leave it out; AWS's own default is 15 minutes then.
    expiresSeconds: expires === undefined ? 900 : Number(expires),
  });
}

/** The service name of a credential scope, before anything is checked, to tell which service is meant. */
export function scopeService(credential: string): string | undefined {
  return readCredential(credential)?.service ?? credential.split("/").at(-2);
}

function claim(
  form: Claim["form"],
  credential: string,
  rest: Pick<Claim, "signedHeaders" | "signature" | "timestamp" | "sessionToken" | "expiresSeconds">,
): Claim | Malformed {
  const read = readCredential(credential);
  if (read === undefined) {
    return {
      malformed: `Credential must have 5 slash-delimited elements: keyid/date/region/service/aws4_request, got '${credential}'.`,
    };
  }
  const milliseconds = parseTimestamp(rest.timestamp);
  if (milliseconds === undefined) {
    return { malformed: `Date must be in ISO-8601 'basic format'. Got '${rest.timestamp}'.` };
  }
  if (!rest.timestamp.startsWith(read.day)) {
    return {
      malformed: `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: '${read.day}'.`,
    };
  }
  const { signedHeaders, signature, timestamp, sessionToken, expiresSeconds } = rest;
  return { form, credential: read, signedHeaders, signature, timestamp, sessionToken, expiresSeconds };
}

/** `Key=value` up to the next comma or space. */
function field(authorization: string, name: string): string | undefined {
  const at = authorization.indexOf(name);
  if (at < 0) return undefined;
  let end = authorization.indexOf(",", at);
  if (end < 0) end = authorization.length;
  return authorization.slice(at + name.length, end).trim();
}

const timestampForm = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** The last timestamp read: many requests are signed in the same second. */
let lastRead: { readonly timestamp: string; readonly at: number | undefined } = { timestamp: "", at: undefined };

/** Milliseconds since 1970 of `20260101T120000Z`. */
export function parseTimestamp(timestamp: string): number | undefined {
  if (lastRead.timestamp !== timestamp) lastRead = { timestamp, at: readTimestamp(timestamp) };
  return lastRead.at;
}

function readTimestamp(timestamp: string): number | undefined {
  const match = timestampForm.exec(timestamp);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  return Number.isNaN(at) ? undefined : at;
}

/** Milliseconds since 1970 as `20260101T120000Z`. */
export function formatTimestamp(at: number): string {
  return new Date(at).toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
}

/** Signers that leave `X-Amz-Date` out sign by the `Date` header. */
function dateHeader(date: string | undefined): string | undefined {
  if (date === undefined) return undefined;
  const at = Date.parse(date);
  return Number.isNaN(at) ? undefined : formatTimestamp(at);
}
