import type { Protocol, Service } from "../../services/service.ts";
import type { Exchange } from "../exchange.ts";
import { inflate } from "../inflate.ts";
import { bodyLimit } from "../limits.ts";
import { protocolHandler } from "../protocols/index.ts";
import { assertImplemented } from "./invoke.ts";

/** Reads the operation's input from the message. Operations that are not built are refused before their body is read. */
export function readInput(exchange: Exchange): void | Promise<void> {
  assertImplemented(exchange);
  if (isCompressed(exchange)) return inflateBody(exchange).then(() => readMessage(exchange));
  return readMessage(exchange);
}

function readMessage(exchange: Exchange): void | Promise<void> {
  const input = protocolHandler(exchange.protocol as Protocol).readInput(exchange);
  if (!(input instanceof Promise)) {
    exchange.input = input;
    return undefined;
  }
  return input.then((value: unknown) => {
    exchange.input = value;
  });
}

/** Clients compress bodies of RPC protocols; in REST, Content-Encoding belongs to what is stored or passed on. */
function isCompressed(exchange: Exchange): boolean {
  if (exchange.request.headers["content-encoding"] === undefined) return false;
  const protocol = exchange.protocol as Protocol;
  return protocol === "rpc-v2-cbor" || protocol.startsWith("aws-json");
}

async function inflateBody(exchange: Exchange): Promise<void> {
  const limit = bodyLimit((exchange.service as Service).name);
  const encoding = exchange.request.headers["content-encoding"] as string;
  const bytes = await exchange.body.read(limit);
  exchange.body.keep(await inflate(exchange.protocol, encoding, bytes, limit));
}
