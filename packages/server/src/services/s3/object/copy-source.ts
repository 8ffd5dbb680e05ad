import type { Bucket } from "../../../objects/buckets.ts";
import type { ObjectVersion } from "../../../objects/object-records.ts";
import type { OperationContext } from "../../service.ts";
import { type BucketInput, invalidArgument, openBucket, storageOf } from "../access.ts";
import { requireCopyConditions } from "./conditions.ts";

/** Members that both copying operations have. */
export interface CopyInput extends BucketInput {
  readonly CopySource?: string | undefined;
  readonly CopySourceIfMatch?: string | undefined;
  readonly CopySourceIfNoneMatch?: string | undefined;
  readonly CopySourceIfModifiedSince?: Date | undefined;
  readonly CopySourceIfUnmodifiedSince?: Date | undefined;
  readonly ExpectedSourceBucketOwner?: string | undefined;
}

export interface CopySource {
  readonly bucket: Bucket;
  readonly key: string;
  readonly version: ObjectVersion;
}

/**
 * The version that a copy reads: `[/]BUCKET/KEY[?versionId=ID]`, percent-encoded.
 * @throws ServiceError `InvalidArgument`, `PreconditionFailed`, and as a read does.
 */
export async function openCopySource(input: CopyInput, context: OperationContext): Promise<CopySource> {
  const match = /^\/?([^/]+)\/(.+?)(?:\?versionId=([^&]*))?$/s.exec(input.CopySource ?? "");
  if (!match) throw invalidCopySource();
  const [, bucketName, encodedKey, versionId] = match as unknown as [string, string, string, string | undefined];
  const key = decode(encodedKey);
  const bucket = await openBucket(
    { Bucket: decode(bucketName), ExpectedBucketOwner: input.ExpectedSourceBucketOwner },
    context,
  );
  const version = await storageOf(context).objects.get(bucket.name, key, versionId);
  requireCopyConditions(
    {
      ifMatch: input.CopySourceIfMatch,
      ifNoneMatch: input.CopySourceIfNoneMatch,
      ifModifiedSince: input.CopySourceIfModifiedSince,
      ifUnmodifiedSince: input.CopySourceIfUnmodifiedSince,
    },
    version,
  );
  return { bucket, key, version };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidCopySource();
  }
}

function invalidCopySource(): Error {
  return invalidArgument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey", {
    ArgumentName: "x-amz-copy-source",
  });
}
