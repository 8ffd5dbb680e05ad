import type { Protocol, Service } from "../../services/service.ts";
import { mismatchMessage } from "../body.ts";
import type { Credentials } from "../credentials.ts";
import { refuse } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { establish } from "../identity.ts";
import { bodyLimit, limits } from "../limits.ts";
import { isSignedBy, unsignedHeader } from "../sigv4/canonical.ts";
import { type Claim, claimOfQuery, formatTimestamp, parseTimestamp } from "../sigv4/claim.ts";
import { type PayloadForm, payloadForm, sha256 } from "../sigv4/payload.ts";
import { claimV2, isSignedV2 } from "../sigv4/presigned-v2.ts";

/** Proves who calls, and sets principal and scope. Bodies of services other than S3 are read and verified here. */
export function authenticate(exchange: Exchange): void | Promise<void> {
  const service = exchange.service as Service;
  const claim = exchange.claim ?? (exchange.rawQuery.includes("X-Amz-") ? claimOfQuery(exchange.query) : undefined);
  if (exchange.gateway.platform.configuration.auth === "open") return takeAnyone(exchange, service, claim);
  if (!claim) return authenticateOtherwise(exchange);
  if ("malformed" in claim) throw refuse(exchange.protocol, "incompleteSignature", claim.malformed);
  if (!service.signingNames.includes(claim.credential.service)) {
    const message = `Credential should be scoped to correct service: '${service.signingNames.join("' or '")}'.`;
    throw refuse(exchange.protocol, "signatureMismatch", message);
  }
  const credentials = lookUp(exchange, claim.credential.accessKeyId, claim.sessionToken);
  checkTime(exchange, claim);
  const loose = unsignedHeader(claim, exchange.request.headers);
  if (loose !== undefined) throw unsignedHeaderError(exchange.protocol as Protocol, loose);
  if (service.protocol === "rest-xml") return verifyS3(exchange, claim, credentials);
  const body = exchange.body.raw(exchange.protocol, bodyLimit(service.name));
  return body instanceof Promise
    ? body.then((bytes) => verifyWhole(exchange, claim, credentials, bytes))
    : verifyWhole(exchange, claim, credentials, body);
}

/** Everything but S3: the body's hash is part of the signature, whether a header repeats it or not. */
function verifyWhole(exchange: Exchange, claim: Claim, credentials: Credentials, body: Buffer): void | Promise<void> {
  const stated = exchange.request.headers["x-amz-content-sha256"];
  const unsigned = stated === "UNSIGNED-PAYLOAD";
  const digest = unsigned ? stated : sha256(body);
  const finish = (payloadHash: string): void => {
    if (typeof stated === "string" && stated !== payloadHash) {
      throw refuse(exchange.protocol as Protocol, "contentMismatch", mismatchMessage);
    }
    verify(exchange, claim, credentials, payloadHash);
    exchange.body.keep(body);
  };
  return digest instanceof Promise ? digest.then(finish) : finish(digest);
}

/** S3 says in a header what it signed of the body, so that bodies can be checked while they flow. */
function verifyS3(exchange: Exchange, claim: Claim, credentials: Credentials): void | Promise<void> {
  const header = exchange.request.headers["x-amz-content-sha256"];
  const stated =
    claim.form === "query" && !`;${claim.signedHeaders};`.includes(";x-amz-content-sha256;")
      ? (exchange.parameter("X-Amz-Content-Sha256") ?? "UNSIGNED-PAYLOAD")
      : header;
  if (typeof stated !== "string") {
    const limit = bodyLimit((exchange.service as Service).name);
    const body = exchange.body.raw("rest-xml", limit);
    return Promise.resolve(body).then((bytes) => verifyWhole(exchange, claim, credentials, bytes));
  }
  const form = payloadForm(stated);
  if (!form) {
    const message =
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.";
    throw refuse("rest-xml", "badRequest", message);
  }
  const key = verify(exchange, claim, credentials, stated);
  const seed = { key, timestamp: claim.timestamp, scope: claim.credential.scope, seed: claim.signature };
  exchange.body.expect("rest-xml", form, form.kind === "chunked" && form.signed ? seed : undefined);
}

function verify(exchange: Exchange, claim: Claim, credentials: Credentials, payloadHash: string) {
  const { request, gateway } = exchange;
  const key = gateway.signingKeys.of(claim.credential, credentials.secretAccessKey);
  const signed = {
    method: request.method as string,
    path: exchange.path,
    query: exchange.query,
    headers: request.headers,
  };
  if (!isSignedBy(key, claim, signed, payloadHash)) {
    throw refuse(exchange.protocol as Protocol, "signatureMismatch", mismatchMessage);
  }
  establish(exchange, credentials, claim.credential.region);
  return key;
}

/** Presigned addresses of signature version 2, form uploads (whose policy S3 checks), and nothing at all. */
function authenticateOtherwise(exchange: Exchange): void {
  const protocol = exchange.protocol as Protocol;
  if (protocol === "rest-xml" && exchange.operationName === "PostObject") {
    establish(exchange, undefined, exchange.gateway.platform.configuration.region);
    return;
  }
  const old = protocol === "rest-xml" ? claimV2(exchange.query) : undefined;
  if (!old) {
    throw refuse(protocol, "noToken", protocol === "rest-xml" ? "Access Denied" : "Missing Authentication Token");
  }
  if ("malformed" in old) throw refuse(protocol, "accessDenied", old.malformed);
  const credentials = lookUp(exchange, old.accessKeyId, old.sessionToken);
  if (old.expires * 1000 < exchange.startedAt) {
    throw refuse(protocol, "accessDenied", "Request has expired", {
      Expires: new Date(old.expires * 1000).toISOString(),
    });
  }
  const { request, path, query, hostBucket: bucket } = exchange;
  const signed = { method: request.method as string, path, query, headers: request.headers, bucket };
  if (!isSignedV2(credentials.secretAccessKey, old, signed)) {
    throw refuse(protocol, "signatureMismatch", mismatchMessage);
  }
  establish(exchange, credentials, exchange.gateway.platform.configuration.region);
}

/** `--auth open`: whoever calls is taken at their word, as local emulators do. Framing and hashes still count. */
function takeAnyone(exchange: Exchange, service: Service, claim: Exchange["claim"]): void | Promise<void> {
  const known = claim && !("malformed" in claim) ? claim : undefined;
  const region = known?.credential.region ?? exchange.gateway.platform.configuration.region;
  establish(exchange, known && { accessKeyId: known.credential.accessKeyId, secretAccessKey: "" }, region);
  const stated = exchange.request.headers["x-amz-content-sha256"];
  const form: PayloadForm | undefined = typeof stated === "string" ? payloadForm(stated) : undefined;
  if (service.protocol === "rest-xml") {
    exchange.body.expect("rest-xml", form ?? { kind: "unsigned" }, undefined);
    return;
  }
  const body = exchange.body.raw(exchange.protocol, bodyLimit(service.name));
  if (!(body instanceof Promise)) return exchange.body.keep(body);
  return body.then((bytes) => exchange.body.keep(bytes));
}

function lookUp(exchange: Exchange, accessKeyId: string, sessionToken: string | undefined): Credentials {
  const protocol = exchange.protocol as Protocol;
  const found = exchange.gateway.credentials.lookup(accessKeyId, sessionToken, exchange.startedAt);
  switch (found) {
    case "unknownKey": {
      if (protocol !== "rest-xml") {
        throw refuse(protocol, "unknownKey", "The security token included in the request is invalid.");
      }
      const message = "The AWS Access Key Id you provided does not exist in our records.";
      throw refuse(protocol, "unknownKey", message, { AWSAccessKeyId: accessKeyId });
    }
    case "invalidToken": {
      const text = "The security token included in the request is invalid.";
      throw refuse(
        protocol,
        "invalidToken",
        protocol === "rest-xml" ? "The provided token is malformed or otherwise invalid." : text,
      );
    }
    case "expiredToken": {
      const text = "The security token included in the request is expired";
      throw refuse(protocol, "expiredToken", protocol === "rest-xml" ? "The provided token has expired." : text);
    }
    default:
      return found;
  }
}

/** A signature is good for 15 minutes around its time; a presigned address for as long as it says. */
function checkTime(exchange: Exchange, claim: Claim): void {
  const protocol = exchange.protocol as Protocol;
  const signedAt = parseTimestamp(claim.timestamp) as number;
  const now = exchange.startedAt;
  if (claim.form === "query") return checkExpiry(protocol, claim, signedAt, now);
  if (Math.abs(signedAt - now) <= limits.clockSkewMs) return;
  if (protocol === "rest-xml") {
    throw refuse(protocol, "skewed", "The difference between the request time and the current time is too large.", {
      RequestTime: claim.timestamp,
      ServerTime: new Date(now).toISOString().replace(/\.\d{3}/, ""),
      MaxAllowedSkewMilliseconds: limits.clockSkewMs,
    });
  }
  const bound = formatTimestamp(now + (signedAt < now ? -limits.clockSkewMs : limits.clockSkewMs));
  const what = signedAt < now ? "Signature expired" : "Signature not yet current";
  const order = signedAt < now ? "earlier" : "later";
  const sign = signedAt < now ? "-" : "+";
  const message = `${what}: ${claim.timestamp} is now ${order} than ${bound} (${formatTimestamp(now)} ${sign} 15 min.)`;
  throw refuse(protocol, "skewed", message);
}

function checkExpiry(protocol: Protocol, claim: Claim, signedAt: number, now: number): void {
  const seconds = claim.expiresSeconds as number;
  if (seconds > limits.presignedSeconds) {
    const message =
      "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds";
    throw refuse(protocol, "incompleteSignature", message);
  }
  if (signedAt - now > limits.clockSkewMs) throw refuse(protocol, "accessDenied", "Request is not valid yet");
  const until = signedAt + seconds * 1000;
  if (now <= until) return;
  if (protocol !== "rest-xml") {
    const message = `Signature expired: ${claim.timestamp} is now earlier than ${formatTimestamp(now)}`;
    throw refuse(protocol, "skewed", message);
  }
  throw refuse(protocol, "accessDenied", "Request has expired", {
    "X-Amz-Expires": seconds,
    Expires: new Date(until).toISOString().replace(/\.\d{3}/, ""),
    ServerTime: new Date(now).toISOString().replace(/\.\d{3}/, ""),
  });
}

function unsignedHeaderError(protocol: Protocol, name: string): Error {
  if (protocol !== "rest-xml") {
    const message = `'${name}' must be a 'SignedHeader' in the AWS Authorization.`;
    return refuse(protocol, "signatureMismatch", message);
  }
  const message = "There were headers present in the request which were not signed";
  return refuse(protocol, "accessDenied", message, { HeadersNotSigned: name });
}
