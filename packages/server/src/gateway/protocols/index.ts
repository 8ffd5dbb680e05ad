import { invariant } from "../../errors.ts";
import type { Protocol } from "../../services/service.ts";
import { type Codecs, loadCodecs } from "../schemas.ts";
import { cborProtocol } from "./cbor.ts";
import { jsonProtocol } from "./json.ts";
import type { ProtocolHandler } from "./protocol.ts";
import { queryProtocol } from "./query.ts";
import { restJsonProtocol } from "./rest-json.ts";
import { restXmlProtocol } from "./rest-xml.ts";

/** Every protocol by name. */
const makers: Readonly<Record<Protocol, (codecs: Codecs) => ProtocolHandler>> = {
  "aws-json-1.0": (codecs) => jsonProtocol(codecs, "1.0"),
  "aws-json-1.1": (codecs) => jsonProtocol(codecs, "1.1"),
  "rest-json": restJsonProtocol,
  "rest-xml": restXmlProtocol,
  query: queryProtocol,
  "rpc-v2-cbor": cborProtocol,
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
    invariant(codecs, "prepareProtocols ran before the first request");
    handler = makers[protocol](codecs);
    made.set(protocol, handler);
  }
  return handler;
}
