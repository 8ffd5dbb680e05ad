import { type ServiceError, validationException } from "../../errors.ts";
import { isKeyError } from "../../kms/errors.ts";
import type { OperationPlace } from "../service.ts";
import { memoryRuns } from "./run-folders.ts";

/**
 * Checks a KMS key of what runs write.
 * @param name - The key; SDKs send an empty text for none.
 * @throws ValidationException naming the member, where there is no master key or no place in memory too.
 */
export function checkKey(member: string, name: string | undefined, { scope, platform }: OperationPlace): void {
  if (!name) return;
  try {
    platform.keys.key(name, scope);
  } catch (error) {
    if (isKeyError(error)) throw validationException(`${member}: ${(error as ServiceError).message}`);
    throw error;
  }
  if (memoryRuns(platform.dataDirectory) !== undefined) return;
  throw validationException(
    `${member}: what runs with keys write is kept in memory until it is encrypted, and this host has no /dev/shm.`,
  );
}
