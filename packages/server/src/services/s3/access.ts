import { createHash } from "node:crypto";
import { invariant, ServiceError } from "../../errors.ts";
import type { Bucket } from "../../objects/buckets.ts";
import { ObjectStorage } from "../../objects/object-storage.ts";
import type { Handler, OperationContext } from "../service.ts";

/** An operation with the SDK's own input and output shapes. */
export type S3Handler<Input, Output> = Handler<Input, Output>;

/** The catalogue with all that S3 needs of it. */
export function storageOf(context: { readonly platform: OperationContext["platform"] }): ObjectStorage {
  const { objects } = context.platform;
  invariant(objects instanceof ObjectStorage, "the platform's objects are an ObjectStorage");
  return objects;
}

/** What every input that acts on a bucket has. */
export interface BucketInput {
  readonly Bucket?: string | undefined;
  readonly ExpectedBucketOwner?: string | undefined;
}

/** The bucket that an input names. @throws ServiceError `NoSuchBucket`, `AccessDenied` (another account's bucket). */
export async function openBucket(input: BucketInput, context: OperationContext): Promise<Bucket> {
  const bucket = await storageOf(context).buckets.get(input.Bucket as string);
  requireOwner(bucket, context, input.ExpectedBucketOwner);
  return bucket;
}

/** @throws ServiceError `AccessDenied` when the bucket is not the caller's, or not of the owner that the caller expects. */
export function requireOwner(bucket: Bucket, context: OperationContext, expected: string | undefined): void {
  if (bucket.owner !== context.scope.account || (expected !== undefined && expected !== bucket.owner)) {
    throw accessDenied();
  }
}

export function accessDenied(): ServiceError {
  return new ServiceError("AccessDenied", "Access Denied", { status: 403 });
}

/** A member or header has a value that S3 does not take. */
export function invalidArgument(message: string, members: Record<string, unknown> = {}): ServiceError {
  return new ServiceError("InvalidArgument", message, { status: 400, members });
}

export function invalidRequest(message: string): ServiceError {
  return new ServiceError("InvalidRequest", message, { status: 400 });
}

/** Something of S3 that is not built yet, by the name that the caller used for it. */
export function notImplemented(what: string): ServiceError {
  return new ServiceError("NotImplemented", `Sagebrush does not implement ${what} yet.`, { status: 501 });
}

/** Keys have 1 to 1,024 bytes of UTF-8. @throws ServiceError `KeyTooLongError`. */
export function requireKey(key: string): void {
  const size = Buffer.byteLength(key, "utf8");
  if (size <= 1024) return;
  throw new ServiceError("KeyTooLongError", "Your key is too long", {
    status: 400,
    members: { Size: size, MaxSizeAllowed: 1024 },
  });
}

/** S3 names accounts by 64 hex digits in listings and access control lists. */
export function canonicalId(account: string): string {
  return createHash("sha256").update(account).digest("hex");
}

export function ownerOf(account: string): { ID: string; DisplayName: string } {
  return { ID: canonicalId(account), DisplayName: account };
}
