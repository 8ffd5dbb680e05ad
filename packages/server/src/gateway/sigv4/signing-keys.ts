import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { limits } from "../limits.ts";
import { Lru } from "../lru.ts";

/**
 * Derived signing keys, kept as `KeyObject`s: `createHmac` takes one in 6 us against 24 us for the same bytes in a
 * Buffer, and the derivation itself is four HMACs.
 */
export class SigningKeys {
  readonly #keys = new Lru<string, { readonly secret: string; readonly key: KeyObject }>(limits.signingKeys);

  /** The key for one secret, day, region and service. */
  of(accessKeyId: string, secret: string, day: string, region: string, service: string): KeyObject {
    const name = `${accessKeyId}/${day}/${region}/${service}`;
    const known = this.#keys.get(name);
    // Keys may be replaced while the server runs; then the old derivation must not answer.
    if (known !== undefined && known.secret === secret) return known.key;
    const key = deriveKey(secret, day, region, service);
    this.#keys.set(name, { secret, key });
    return key;
  }
}

/** The four HMACs of SigV4's key derivation. */
export function deriveKey(secret: string, day: string, region: string, service: string): KeyObject {
  let key: Buffer = hmac(`AWS4${secret}`, day);
  for (const part of [region, service, "aws4_request"]) key = hmac(key, part);
  return createSecretKey(key);
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
