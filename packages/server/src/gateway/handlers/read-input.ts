import type { Service } from "../../services/service.ts";
import type { Exchange } from "../exchange.ts";
import { protocolHandler } from "../protocols/index.ts";
import { assertImplemented } from "./invoke.ts";

/** Reads the operation's input from the message. Operations that are not built are refused before their body is read. */
export function readInput(exchange: Exchange): void | Promise<void> {
  assertImplemented(exchange);
  const input = protocolHandler((exchange.service as Service).protocol).readInput(exchange);
  if (!(input instanceof Promise)) {
    exchange.input = input;
    return undefined;
  }
  return input.then((value: unknown) => {
    exchange.input = value;
  });
}
