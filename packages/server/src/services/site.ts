import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestBody } from "./service.ts";

/**
 * A part of the server whose HTTP is no AWS protocol: it answers everything below one first path segment, checks who
 * calls by itself, and never throws.
 */
export interface Site {
  /** Shorter than three characters, which no bucket's name is: `v2`. */
  readonly segment: string;
  /** Host headers besides the server's own names that it answers for. */
  acceptsHost(host: string): boolean;
  handle(visit: Visit): Promise<void>;
}

/** One request to a site. */
export interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: RequestBody;
  /** As on the request line, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly requestId: string;
}
