import type { ServiceError } from "../../errors.ts";
import type { Exchange } from "../exchange.ts";

/** One AWS protocol, both ways. The exchange's service, schema and operation are known by then. */
export interface ProtocolHandler {
  /** @throws ServiceError when the body cannot be read as the operation's input. */
  readInput(exchange: Exchange): unknown;
  writeOutput(exchange: Exchange, output: unknown): void | Promise<void>;
  /** Service and schema may be unknown here: a request can fail before it is identified. */
  writeError(exchange: Exchange, error: ServiceError): void;
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
