import { createHash } from "node:crypto";

const sha256Form = /^sha256:[0-9a-f]{64}$/;

/** Whether the text is a digest as we take it: SHA-256, which every client uses. */
export function isDigest(text: string): boolean {
  return sha256Form.test(text);
}

/** `sha256:` and the hash of the bytes in hex. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Hex of a hash that the byte store tells in base64. */
export function hexOf(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}
