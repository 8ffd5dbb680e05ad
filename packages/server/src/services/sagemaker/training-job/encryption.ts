import type { DataDirectory } from "../../../data-directory.ts";
import { type ServiceError, validationException } from "../../../errors.ts";
import { isKeyError } from "../../../kms/errors.ts";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import type { Encryption } from "../../../objects/object-records.ts";
import type { OperationPlace } from "../../service.ts";
import type { TrainingJobSpec } from "./training-job.ts";

/** The key of what a job stores; SDKs send an empty text for none. */
function outputKey({ OutputDataConfig: { KmsKeyId } }: TrainingJobSpec): string | undefined {
  return KmsKeyId || undefined;
}

/** The key of a job's volumes. */
export function volumeKey({ ResourceConfig: resources }: TrainingJobSpec): string | undefined {
  return resources?.VolumeKmsKeyId || undefined;
}

/**
 * Whether what a job's runs write must not touch a disk in clear: its volumes are in memory then (docs/decisions/0172). The
 * model is on them before it is stored under its key.
 */
export function isPrivate(spec: TrainingJobSpec): boolean {
  return outputKey(spec) !== undefined || volumeKey(spec) !== undefined;
}

/** Checks the keys that a job names. @throws ValidationException naming the member, where there is no master key too. */
export function checkKeys(spec: TrainingJobSpec, { scope, platform }: OperationPlace): void {
  const members = [
    ["OutputDataConfig.KmsKeyId", outputKey(spec)],
    ["ResourceConfig.VolumeKmsKeyId", volumeKey(spec)],
  ] as const;
  for (const [member, name] of members) {
    if (name === undefined) continue;
    try {
      platform.keys.key(name, scope);
    } catch (error) {
      if (isKeyError(error)) throw validationException(`${member}: ${(error as ServiceError).message}`);
      throw error;
    }
    if (!hasPrivatePlace(platform.dataDirectory)) {
      throw validationException(
        `${member}: what jobs with keys write is kept in memory until it is encrypted, and this host has no /dev/shm.`,
      );
    }
  }
}

function hasPrivatePlace({ memory }: DataDirectory): boolean {
  return memory !== undefined;
}

/** The objects as a job stores into them: what it puts is encrypted under the key of its output. */
export function outputObjects(objects: ObjectCatalogue, spec: TrainingJobSpec): ObjectCatalogue {
  const keyId = outputKey(spec);
  if (keyId === undefined) return objects;
  const encryption: Encryption = { algorithm: "aws:kms", keyId };
  return {
    hasBucket: (bucket, owner) => objects.hasBucket(bucket, owner),
    list: (bucket, prefix) => objects.list(bucket, prefix),
    head: (bucket, key) => objects.head(bucket, key),
    read: (bucket, key) => objects.read(bucket, key),
    file: (entry, holder) => objects.file(entry, holder),
    files: (entries, holder) => objects.files(entries, holder),
    release: (holder) => objects.release(holder),
    put: (bucket, key, body, attributes) => objects.put(bucket, key, body, { ...attributes, encryption }),
    remove: (bucket, key) => objects.remove(bucket, key),
  };
}
