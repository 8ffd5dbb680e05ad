import { createHmac, hash, type KeyObject } from "node:crypto";

const blockBytes = 64;
const digestBytes = 32;
/** Longer texts than any string to sign; they take the ordinary way. */
const scratchBytes = 1_024;

/** Key-dependent blocks of RFC 2104, with room behind them for what is hashed. */
interface Pads {
  readonly inner: Buffer;
  readonly outer: Buffer;
}

const padsOf = new WeakMap<KeyObject, Pads>();

/**
 * HMAC-SHA256 in hex. By its definition, over two one-shot hashes: Node's `Hmac` object costs more to set up for each
 * request than all the hashing of a short text.
 * @see RFC 2104, section 2
 */
export function hmacSha256(key: KeyObject, text: string): string {
  // A character may take three bytes.
  if (text.length * 3 > scratchBytes) return createHmac("sha256", key).update(text).digest("hex");
  const { inner, outer } = pads(key);
  const end = blockBytes + inner.write(text, blockBytes, "utf8");
  // A digest as Latin-1 text, one character a byte, spares the Buffer that would carry it over.
  outer.write(hash("sha256", inner.subarray(0, end), "binary"), blockBytes, "latin1");
  return hash("sha256", outer, "hex");
}

/** Made once a key. The blocks behind the pads are scratch: nothing here waits, so nobody else writes in between. */
function pads(key: KeyObject): Pads {
  const known = padsOf.get(key);
  if (known) return known;
  const inner = Buffer.alloc(blockBytes + scratchBytes);
  const outer = Buffer.alloc(blockBytes + digestBytes);
  const bytes = key.export() as Buffer;
  const short = bytes.length > blockBytes ? hash("sha256", bytes, "buffer") : bytes;
  for (let i = 0; i < blockBytes; i++) {
    const byte = short[i] ?? 0;
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  const made = { inner, outer };
  padsOf.set(key, made);
  return made;
}
