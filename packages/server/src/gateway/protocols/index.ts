import type { Protocol } from "../../services/service.ts";
import { type Codecs, loadCodecs } from "../schemas.ts";
import { jsonProtocol } from "./json.ts";
import type { ProtocolHandler } from "./protocol.ts";
import { queryProtocol } from "./query.ts";
import { restJsonProtocol } from "./rest-json.ts";
import { restXmlProtocol } from "./rest-xml.ts";

/** Every protocol by name. RPC v2 CBOR has its place here (`CborCodec` is bundled) and lands with the first service that needs it. */
const makers: Readonly<Partial<Record<Protocol, (codecs: Codecs) => ProtocolHandler>>> = {
  "aws-json-1.0": (codecs) => jsonProtocol(codecs, "1.0"),
  "aws-json-1.1": (codecs) => jsonProtocol(codecs, "1.1"),
  "rest-json": restJsonProtocol,
  "rest-xml": restXmlProtocol,
  query: queryProtocol,
};

const made = new Map<Protocol, ProtocolHandler>();
let codecs: Codecs | undefined;

/** Loads what all protocols stand on; done once, when the gateway starts. */
export async function prepareProtocols(): Promise<void> {
  codecs ??= await loadCodecs();
}

/** The protocol's handler. */
export function protocolHandler(protocol: Protocol): ProtocolHandler {
  let handler = made.get(protocol);
  if (!handler) {
    const make = makers[protocol];
    if (!make || !codecs) throw new Error(`The protocol ${protocol} has no handler yet.`);
    handler = make(codecs);
    made.set(protocol, handler);
  }
  return handler;
}
