import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Exchange } from "../exchange.ts";
import { send } from "./protocol.ts";

/** Writes a member that is the whole body and is not a structure: text, bytes, or a stream. */
export async function sendPayload(exchange: Exchange, status: number, payload: unknown): Promise<void> {
  const { response, request } = exchange;
  const type = response.hasHeader("content-type") ? undefined : "application/octet-stream";
  if (!(payload instanceof Readable)) {
    send(exchange, status, type, (payload ?? "") as Uint8Array | string);
    return;
  }
  if (request.method === "HEAD" || response.destroyed) {
    payload.destroy();
    send(exchange, status, type, "");
    return;
  }
  response.writeHead(status);
  // The caller hanging up ends the stream too; there is nobody left to tell.
  await pipeline(payload, response);
}
