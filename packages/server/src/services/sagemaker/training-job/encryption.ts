import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import type { Encryption } from "../../../objects/object-records.ts";
import type { OperationPlace } from "../../service.ts";
import { checkKey } from "../check-key.ts";
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
export function checkKeys(spec: TrainingJobSpec, place: OperationPlace): void {
  checkKey("OutputDataConfig.KmsKeyId", outputKey(spec), place);
  checkKey("ResourceConfig.VolumeKmsKeyId", volumeKey(spec), place);
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
    source: (bucket, key) => objects.source(bucket, key),
    file: (entry, holder) => objects.file(entry, holder),
    files: (entries, holder) => objects.files(entries, holder),
    release: (holder) => objects.release(holder),
    put: (bucket, key, body, attributes) => objects.put(bucket, key, body, { ...attributes, encryption }),
    remove: (bucket, key) => objects.remove(bucket, key),
  };
}
