import type { Protocol } from "../../services/service.ts";
import type { Exchange } from "../exchange.ts";
import { protocolHandler } from "../protocols/index.ts";

/** Writes the operation's output, unless the operation answered by itself. */
export function writeOutput(exchange: Exchange): void | Promise<void> {
  const { response } = exchange;
  if (response.headersSent || response.writableEnded) return undefined;
  return protocolHandler(exchange.protocol as Protocol).writeOutput(exchange, exchange.output);
}
