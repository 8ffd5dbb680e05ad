import { randomBytes } from "node:crypto";
import { readHead, seal, unseal } from "./ciphertext.ts";
import { howToConfigure, invalidCiphertext, keyDisabled } from "./errors.ts";
import type { Caller, DataKey, EncryptionContext, KeyManagement, KmsKey } from "./key-management.ts";
import { keyNamed } from "./key-name.ts";
import type { MasterKey } from "./master-key.ts";

const dataKeyBytes = 32;
const mostBytes = 4096;
/** The material that keys have as long as nothing rotates them. */
const firstVersion = 1;

/** Keys that are derived from a master key by their ARN: nothing of them is stored, and none of them must be made first. */
export class LocalKeys implements KeyManagement {
  readonly #master: MasterKey | undefined;

  /** @param master - Without one every call says how to get one. */
  constructor(master: MasterKey | undefined) {
    this.#master = master;
  }

  get isReady(): boolean {
    return this.#master !== undefined;
  }

  key(name: string, caller: Caller): KmsKey {
    this.#required(`The key ${name} cannot be used`);
    return keyNamed(name, caller);
  }

  generateDataKey(key: KmsKey, context: EncryptionContext): DataKey {
    const plaintext = randomBytes(dataKeyBytes);
    return { plaintext, wrapped: this.encrypt(key, plaintext, context) };
  }

  encrypt({ arn }: KmsKey, plaintext: Uint8Array, context: EncryptionContext): Buffer {
    if (plaintext.byteLength > mostBytes) throw new Error(`A key encrypts at most ${mostBytes} bytes by itself`);
    const master = this.#required(`The key ${arn} cannot be used`);
    const head = { master: master.fingerprint, version: firstVersion, keyArn: arn };
    return seal(master.material(arn, firstVersion), head, plaintext, context);
  }

  decrypt(ciphertext: Uint8Array, context: EncryptionContext): { key: KmsKey; plaintext: Buffer } {
    const { master: fingerprint, version, keyArn } = readHead(ciphertext);
    const account = keyArn.split(":")[4];
    if (account === undefined) throw invalidCiphertext();
    const master = this.#required(`What is encrypted with ${keyArn} cannot be read`);
    if (!master.fingerprint.equals(fingerprint)) {
      throw keyDisabled(
        `What is encrypted with ${keyArn} cannot be read: this server has another master key than it was encrypted under.`,
      );
    }
    return { key: { arn: keyArn, account }, plaintext: unseal(master.material(keyArn, version), ciphertext, context) };
  }

  #required(what: string): MasterKey {
    if (this.#master) return this.#master;
    throw keyDisabled(`${what}: this server has no master key; ${howToConfigure}.`);
  }
}
