import type { Scope } from "../scope.ts";

/** Whose names of keys are meant. */
export type Caller = Pick<Scope, "account" | "region">;

/** A KMS key as callers name it. */
export interface KmsKey {
  readonly arn: string;
  /** Twelve digits: whose it is. */
  readonly account: string;
}

/** What a ciphertext is bound to: it opens under the same pairs only. Not secret. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** A key for data, in clear and as it may be kept beside the data. */
export interface DataKey {
  /** 32 bytes. */
  readonly plaintext: Buffer;
  readonly wrapped: Buffer;
}

/** What the parts of the platform encrypt with, as KMS has it: keys never leave it, and what it made says which key it was. */
export interface KeyManagement {
  /** Whether there is a master key: without one no key can be used. */
  readonly isReady: boolean;
  /**
   * The key that a request names by id, key ARN, alias or alias ARN.
   * @throws ServiceError `KMS.NotFoundException` for a name of none of these forms or of another account;
   * `KMS.DisabledException` where there is no master key.
   */
  key(name: string, caller: Caller): KmsKey;
  /** A new data key under a key. */
  generateDataKey(key: KmsKey, context: EncryptionContext): DataKey;
  /** Encrypts up to 4,096 bytes. */
  encrypt(key: KmsKey, plaintext: Uint8Array, context: EncryptionContext): Buffer;
  /**
   * Opens what `encrypt` or `generateDataKey` made.
   * @throws ServiceError `KMS.DisabledException` where the master key is missing or another one,
   * `KMS.InvalidCiphertextException` for a damaged ciphertext or another context.
   */
  decrypt(ciphertext: Uint8Array, context: EncryptionContext): { readonly key: KmsKey; readonly plaintext: Buffer };
}
