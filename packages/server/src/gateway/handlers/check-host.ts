import { ServiceError } from "../../errors.ts";
import type { Exchange } from "../exchange.ts";

/**
 * Refuses Host names that are not ours: a web page whose DNS name is pointed at 127.0.0.1 (rebinding) would otherwise
 * speak to this server as same-origin.
 */
export function checkHost(exchange: Exchange): void {
  const { host } = exchange.request.headers;
  const match = exchange.gateway.hosts.match(host);
  if (!match) {
    throw new ServiceError(
      "InvalidHost",
      `This server does not answer for the host "${host ?? ""}". Start it with --public-url to accept a name, and let a reverse proxy pass the Host header on.`,
      { status: 421 },
    );
  }
  exchange.hostBucket = match.bucket;
}
