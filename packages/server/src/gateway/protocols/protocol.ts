import type { ServiceError } from "../../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { Shape } from "../schemas.ts";

/** One AWS protocol, both ways. The exchange's service, schema and operation are known by then. */
export interface ProtocolHandler {
  /** @throws ServiceError when the body cannot be read as the operation's input. */
  readInput(exchange: Exchange): unknown;
  writeOutput(exchange: Exchange, output: unknown): void | Promise<void>;
  /** Service and schema may be unknown here: a request can fail before it is identified. */
  writeError(exchange: Exchange, error: ServiceError): void;
}

/** An error's name in the query protocol may differ from its shape's: NoSuchEntityException is `NoSuchEntity`. */
export function wireCode(shape: Shape | undefined, code: string): string {
  const renamed = shape?.getMergedTraits().awsQueryError as readonly [code: string, status: number] | undefined;
  return renamed?.[0] ?? code;
}

/**
 * Tells clients of a service that once spoke the query protocol the name that the error had there, which is the one
 * that their users' code looks for.
 */
export function queryErrorHeader(exchange: Exchange, error: ServiceError): void {
  const { service, schema, response } = exchange;
  if (service?.protocol === "query" || service?.alsoSpeaks?.includes("query") !== true) return;
  const code = wireCode(schema?.errors.get(error.code), error.code);
  response.setHeader("x-amzn-query-error", `${code};${error.status < 500 ? "Sender" : "Receiver"}`);
}

/** Sends a whole body. Nothing when the caller has hung up. */
export function send(
  exchange: Exchange,
  status: number,
  contentType: string | undefined,
  body: Uint8Array | string,
): void {
  const { response } = exchange;
  if (response.headersSent || response.destroyed) return;
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  if (contentType !== undefined && length > 0) response.setHeader("content-type", contentType);
  // A 304 or 204 has no body, and says nothing of its length.
  if (status !== 304 && status !== 204) response.setHeader("content-length", length);
  response.writeHead(status);
  if (exchange.request.method === "HEAD" || length === 0) response.end();
  else response.end(body);
}
