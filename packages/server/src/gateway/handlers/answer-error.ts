import { isDiskFull } from "../../disk-full.ts";
import { ServiceError } from "../../errors.ts";
import type { Protocol } from "../../services/service.ts";
import { refuse } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { protocolHandler } from "../protocols/index.ts";
import { MalformedUri } from "../sigv4/encode.ts";

/** Turns whatever was thrown into the protocol's error form. What is not meant for callers becomes InternalFailure. */
export function answerError(exchange: Exchange, thrown: unknown): void {
  const { response } = exchange;
  const protocol = exchange.protocol ?? guessProtocol(exchange);
  const error = asServiceError(exchange, protocol, thrown);
  if (response.headersSent) {
    // Too late for an error form: cutting the connection is the only way to say that the answer is not whole.
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) if (!kept.test(name)) response.removeHeader(name);
  for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
  // A caller that still sends a refused body would block the connection for the next request.
  if (!exchange.request.complete) response.setHeader("connection", "close");
  protocolHandler(protocol).writeError(exchange, error);
}

/** Headers that were set for the exchange and not for the operation's output. */
const kept = /^(?:x-amz-request-id|x-amz-id-2|access-control-.*|vary)$/;

function asServiceError(exchange: Exchange, protocol: Protocol, thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown;
  if (thrown instanceof MalformedUri) return refuse(protocol, "badRequest", thrown.message);
  if (isDiskFull(thrown)) return diskFull(thrown);
  exchange.gateway.platform.log.error("request failed", {
    requestId: exchange.requestId,
    service: exchange.service?.name,
    operation: exchange.operationName,
    error: thrown,
  });
  const code = protocol === "rest-xml" ? "InternalError" : "InternalFailure";
  return new ServiceError(code, `An internal error occurred. Request id: ${exchange.requestId}.`, {
    status: 500,
    cause: thrown,
  });
}

/** Worth telling, and worth another try once somebody has made room: SDKs repeat a 503. */
function diskFull(cause: unknown): ServiceError {
  const message = "The disk of this server is full: nothing of this request was kept. Free some space and try again.";
  return new ServiceError("ServiceUnavailable", message, { status: 503, cause });
}

/** The error form of a request that never got as far as a service. */
function guessProtocol(exchange: Exchange): Protocol {
  const { headers } = exchange.request;
  if (headers["smithy-protocol"] !== undefined) return "rpc-v2-cbor";
  if (headers["x-amz-target"] !== undefined) return "aws-json-1.1";
  if (headers["content-type"]?.startsWith("application/x-www-form-urlencoded")) return "query";
  const scoped = /Credential=[^,\s]*\/([^/,\s]+)\/aws4_request/.exec(headers.authorization ?? "")?.[1];
  return scoped === undefined || scoped === "s3" ? "rest-xml" : "rest-json";
}
