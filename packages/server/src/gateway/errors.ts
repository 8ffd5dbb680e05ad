import { ServiceError } from "../errors.ts";
import type { Protocol } from "../services/service.ts";

/**
 * Errors that the gateway itself raises, by what happened. AWS names them differently in each protocol family; this
 * table is the only place that knows.
 */
export type Refusal =
  | "badRequest"
  | "badArgument"
  | "unparsable"
  | "unsupportedMediaType"
  | "tooLarge"
  | "unknownOperation"
  | "notImplemented"
  | "noToken"
  | "incompleteSignature"
  | "unknownKey"
  | "signatureMismatch"
  | "skewed"
  | "expiredToken"
  | "invalidToken"
  | "accessDenied"
  | "contentMismatch"
  | "incompleteBody"
  | "timeout"
  | "overloaded";

type Family = "json" | "rest" | "query" | "s3";

const names: Readonly<Record<Refusal, Readonly<Record<Family, readonly [code: string, status: number]>>>> = {
  badRequest: all("MalformedHttpRequestException", 400, {
    s3: ["InvalidRequest", 400],
    query: ["MalformedInput", 400],
  }),
  badArgument: all("ValidationException", 400, { s3: ["InvalidArgument", 400], query: ["ValidationError", 400] }),
  unparsable: all("SerializationException", 400, { s3: ["MalformedXML", 400], query: ["MalformedInput", 400] }),
  unsupportedMediaType: all("UnsupportedMediaTypeException", 415),
  tooLarge: all("RequestEntityTooLargeException", 413, { s3: ["EntityTooLarge", 400], rest: ["ValidationError", 400] }),
  unknownOperation: all("UnknownOperationException", 404, {
    s3: ["MethodNotAllowed", 405],
    query: ["InvalidAction", 400],
  }),
  notImplemented: all("NotImplementedException", 501, { s3: ["NotImplemented", 501], query: ["NotImplemented", 501] }),
  noToken: all("MissingAuthenticationTokenException", 403, {
    s3: ["AccessDenied", 403],
    query: ["MissingAuthenticationToken", 403],
  }),
  incompleteSignature: all("IncompleteSignatureException", 403, {
    s3: ["AuthorizationHeaderMalformed", 400],
    query: ["IncompleteSignature", 400],
  }),
  unknownKey: all("UnrecognizedClientException", 403, {
    s3: ["InvalidAccessKeyId", 403],
    query: ["InvalidClientTokenId", 403],
  }),
  signatureMismatch: all("InvalidSignatureException", 403, {
    s3: ["SignatureDoesNotMatch", 403],
    query: ["SignatureDoesNotMatch", 403],
  }),
  skewed: all("InvalidSignatureException", 403, {
    s3: ["RequestTimeTooSkewed", 403],
    query: ["SignatureDoesNotMatch", 403],
  }),
  expiredToken: all("ExpiredTokenException", 403, { s3: ["ExpiredToken", 400], query: ["ExpiredToken", 403] }),
  invalidToken: all("UnrecognizedClientException", 403, {
    s3: ["InvalidToken", 400],
    query: ["InvalidClientTokenId", 403],
  }),
  accessDenied: all("AccessDeniedException", 403, { s3: ["AccessDenied", 403], query: ["AccessDenied", 403] }),
  contentMismatch: all("InvalidSignatureException", 403, {
    s3: ["XAmzContentSHA256Mismatch", 400],
    query: ["SignatureDoesNotMatch", 403],
  }),
  incompleteBody: all("MalformedHttpRequestException", 400, {
    s3: ["IncompleteBody", 400],
    query: ["MalformedInput", 400],
  }),
  timeout: all("RequestTimeoutException", 408, { s3: ["RequestTimeout", 400], query: ["RequestTimeout", 408] }),
  overloaded: all("ServiceUnavailable", 503, { s3: ["SlowDown", 503] }),
};

/** Builds the error for what happened, named as the protocol's services name it. */
export function refuse(
  protocol: Protocol | undefined,
  refusal: Refusal,
  message: string,
  members: Record<string, unknown> = {},
): ServiceError {
  const [code, status] = names[refusal][familyOf(protocol)];
  return new ServiceError(code, message, { status, members });
}

function familyOf(protocol: Protocol | undefined): Family {
  if (protocol === "rest-xml") return "s3";
  if (protocol === "rest-json") return "rest";
  return protocol === "query" ? "query" : "json";
}

function all(
  code: string,
  status: number,
  others: Partial<Record<Family, readonly [string, number]>> = {},
): Record<Family, readonly [string, number]> {
  return { json: [code, status], rest: [code, status], query: [code, status], s3: [code, status], ...others };
}
