import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import type { Credential } from "./credential.ts";

/**
 * Derived signing keys, kept as `KeyObject`s: `createHmac` takes one in 6 us against 24 us for the same bytes in a
 * Buffer, and the derivation itself is four HMACs.
 */
export class SigningKeys {
  readonly #keys = new WeakMap<Credential, { readonly secret: string; readonly key: KeyObject }>();

  /** The key for one secret, day, region and service. Kept for as long as what was read of the credential is. */
  of(credential: Credential, secret: string): KeyObject {
    const known = this.#keys.get(credential);
    // Keys may be replaced while the server runs; then the old derivation must not answer.
    if (known !== undefined && known.secret === secret) return known.key;
    const key = deriveKey(secret, credential.day, credential.region, credential.service);
    this.#keys.set(credential, { secret, key });
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
