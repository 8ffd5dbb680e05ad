import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { exposition, expositionType } from "./exposition.ts";
import { processFamilies } from "./process-families.ts";
import { type ServingMetrics, servingFamilies } from "./serving-families.ts";

/** Who may read the metrics. */
export interface MetricsAccess {
  /** What a scraper must send as bearer token, where one is set. */
  readonly token: string | undefined;
  /** The server is reached from this host alone, which is then enough. */
  readonly isLocal: boolean;
}

/**
 * Answers a scraper. Names of endpoints are in the answer, so that a server which others reach wants a token
 * (docs/decisions/0283).
 */
export function metricsPage(metrics: ServingMetrics, access: MetricsAccess) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    if (!mayRead(request, access)) {
      const why =
        access.token === undefined
          ? "Set --metrics-token-file to read metrics of a server that others reach.\n"
          : "The metrics want the token of --metrics-token-file: Authorization: Bearer TOKEN.\n";
      response.writeHead(401, { "www-authenticate": "Bearer", "content-type": "text/plain" }).end(why);
      return;
    }
    response.writeHead(200, { "content-type": expositionType });
    const families = [...processFamilies(), ...servingFamilies(metrics)];
    response.end(request.method === "HEAD" ? undefined : exposition(families));
  };
}

function mayRead({ headers }: IncomingMessage, { token, isLocal }: MetricsAccess): boolean {
  // A page of another site that a browser on this host shows is not this host's.
  if (headers.origin !== undefined) return false;
  if (token === undefined) return isLocal;
  const [expected, given] = [Buffer.from(`Bearer ${token}`), Buffer.from(headers.authorization ?? "")];
  return given.length === expected.length && timingSafeEqual(given, expected);
}
