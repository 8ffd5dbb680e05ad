import type {
  DeletedObject,
  _Error as DeleteError,
  DeleteObjectOutput,
  DeleteObjectRequest,
  DeleteObjectsOutput,
  DeleteObjectsRequest,
  ObjectIdentifier,
} from "@aws-sdk/client-s3";
import { ServiceError } from "../../../errors.ts";
import type { ObjectStorage } from "../../../objects/object-storage.ts";
import type { Deletion } from "../../../objects/objects.ts";
import { openBucket, type S3Handler, storageOf } from "../access.ts";

/** Keys of one request at most, as S3 has it. */
const MOST_KEYS = 1000;
/** Deletions under way at once: enough to share commits. */
const AT_ONCE = 64;

export const deleteObject: S3Handler<DeleteObjectRequest, DeleteObjectOutput> = async (input, context) => {
  const bucket = await openBucket(input, context);
  const conditions = input.IfMatch === undefined ? {} : { ifMatch: input.IfMatch };
  const done = await storageOf(context).objects.remove(bucket.name, input.Key as string, input.VersionId, conditions);
  return {
    ...(done.deleteMarker && { DeleteMarker: true }),
    ...(done.versionId !== undefined && bucket.versioning && { VersionId: done.versionId }),
  };
};

/** Deletes many keys; each succeeds or fails by itself. */
export const deleteObjects: S3Handler<DeleteObjectsRequest, DeleteObjectsOutput> = async (input, context) => {
  const bucket = await openBucket(input, context);
  const objects = input.Delete?.Objects ?? [];
  if (objects.length === 0 || objects.length > MOST_KEYS) {
    throw new ServiceError(
      "MalformedXML",
      "The XML you provided was not well-formed or did not validate against our published schema",
      { status: 400 },
    );
  }
  const deleted: DeletedObject[] = [];
  const errors: DeleteError[] = [];
  for (let at = 0; at < objects.length; at += AT_ONCE) {
    const some = objects.slice(at, at + AT_ONCE);
    const outcomes = await Promise.allSettled(some.map((item) => removeOne(storageOf(context), bucket.name, item)));
    for (const [n, outcome] of outcomes.entries()) {
      const item = some[n] as ObjectIdentifier;
      if (outcome.status === "fulfilled") deleted.push(deletedEntry(item, outcome.value));
      else errors.push(errorEntry(item, outcome.reason));
    }
  }
  return { ...(!input.Delete?.Quiet && { Deleted: deleted }), ...(errors.length > 0 && { Errors: errors }) };
};

function removeOne(
  storage: ObjectStorage,
  bucket: string,
  { Key, VersionId, ETag }: ObjectIdentifier,
): Promise<Deletion> {
  return storage.objects.remove(bucket, Key as string, VersionId, ETag === undefined ? {} : { ifMatch: ETag });
}

function deletedEntry({ Key, VersionId }: ObjectIdentifier, done: Deletion): DeletedObject {
  return {
    Key,
    ...(VersionId !== undefined && { VersionId }),
    ...(done.deleteMarker && { DeleteMarker: true, DeleteMarkerVersionId: done.versionId }),
  };
}

function errorEntry({ Key, VersionId }: ObjectIdentifier, reason: unknown): DeleteError {
  // A bug or a full disk is no answer of S3's: the whole request fails, and what was deleted stays deleted.
  if (!(reason instanceof ServiceError)) throw reason;
  return { Key, ...(VersionId !== undefined && { VersionId }), Code: reason.code, Message: reason.message };
}
