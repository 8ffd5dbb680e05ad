import { hash } from "node:crypto";
import { limits } from "../limits.ts";

/** What `x-amz-content-sha256` says about the body. */
export type PayloadForm =
  | { readonly kind: "hash"; readonly sha256: string }
  | { readonly kind: "unsigned" }
  | { readonly kind: "chunked"; readonly signed: boolean; readonly trailer: boolean };

const words: Readonly<Record<string, PayloadForm>> = {
  "UNSIGNED-PAYLOAD": { kind: "unsigned" },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": { kind: "chunked", signed: true, trailer: false },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": { kind: "chunked", signed: true, trailer: true },
  "STREAMING-UNSIGNED-PAYLOAD-TRAILER": { kind: "chunked", signed: false, trailer: true },
};

/** Reads the header's value; `undefined` when it is neither a hash nor a known word. */
export function payloadForm(value: string): PayloadForm | undefined {
  if (/^[0-9a-f]{64}$/i.test(value)) return { kind: "hash", sha256: value.toLowerCase() };
  return Object.hasOwn(words, value) ? words[value] : undefined;
}

/** Hex SHA-256; off the event loop for large bodies (WebCrypto digests on libuv's threads). */
export function sha256(bytes: Buffer): string | Promise<string> {
  if (bytes.length <= limits.hashInlineBytes) return hash("sha256", bytes);
  return crypto.subtle
    .digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)
    .then((digest) => Buffer.from(digest).toString("hex"));
}
