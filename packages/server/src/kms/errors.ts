import { ServiceError } from "../errors.ts";

/** What to do about a missing master key. */
export const howToConfigure =
  "start it with --kms-master-key-file FILE, or with SAGEBRUSH_KMS_MASTER_KEY (docs/guide/encryption.md)";

/** The key is not there, or not one that this caller may name. In S3's words for a KMS error. */
export function keyNotFound(message: string): ServiceError {
  return new ServiceError("KMS.NotFoundException", message, { status: 400 });
}

/** Nothing can be done with a key for now: there is no master key, or not the one it takes. */
export function keyDisabled(message: string): ServiceError {
  return new ServiceError("KMS.DisabledException", message, { status: 400 });
}

export function invalidCiphertext(): ServiceError {
  return new ServiceError(
    "KMS.InvalidCiphertextException",
    "The ciphertext is damaged, or was made with another encryption context.",
    { status: 400 },
  );
}

/** Whether an error says that something cannot be encrypted or decrypted here. */
export function isKeyError(error: unknown): error is ServiceError {
  return error instanceof ServiceError && error.code.startsWith("KMS.");
}
