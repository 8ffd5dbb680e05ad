import type { GetBucketAclOutput, PutBucketAclRequest, PutObjectAclRequest } from "@aws-sdk/client-s3";
import { ServiceError } from "../../errors.ts";
import { type BucketInput, canonicalId, openBucket, ownerOf, type S3Handler, storageOf } from "./access.ts";

/**
 * Access control lists are off, as in every S3 bucket made since April 2023 (object ownership "bucket owner
 * enforced"): reading gives the owner full control, and only lists that say the same are taken.
 */
export function requireCannedAcl(acl: string | undefined): void {
  if (acl === undefined || acl === "private" || acl === "bucket-owner-full-control") return;
  throw new ServiceError("AccessControlListNotSupported", "The bucket does not allow ACLs", { status: 400 });
}

export const getBucketAcl: S3Handler<BucketInput, GetBucketAclOutput> = async (input, context) =>
  ownersOnly((await openBucket(input, context)).owner);

export const getObjectAcl: S3Handler<BucketInput & { Key?: string; VersionId?: string }, GetBucketAclOutput> = async (
  input,
  context,
) => {
  const bucket = await openBucket(input, context);
  await storageOf(context).objects.get(bucket.name, input.Key as string, input.VersionId);
  return ownersOnly(bucket.owner);
};

export const putBucketAcl: S3Handler<PutBucketAclRequest, Record<string, never>> = async (input, context) => {
  const bucket = await openBucket(input, context);
  requireOwnersList(input, bucket.owner);
  return {};
};

export const putObjectAcl: S3Handler<PutObjectAclRequest, Record<string, never>> = async (input, context) => {
  const bucket = await openBucket(input, context);
  await storageOf(context).objects.get(bucket.name, input.Key as string, input.VersionId);
  requireOwnersList(input, bucket.owner);
  return {};
};

function requireOwnersList(input: PutBucketAclRequest | PutObjectAclRequest, owner: string): void {
  requireCannedAcl(input.ACL);
  const grants = input.AccessControlPolicy?.Grants ?? [];
  const others = grants.some((grant) => grant.Grantee?.ID !== canonicalId(owner));
  const byHeader =
    input.GrantFullControl ?? input.GrantRead ?? input.GrantReadACP ?? input.GrantWrite ?? input.GrantWriteACP;
  if (others || byHeader !== undefined) requireCannedAcl("granted");
}

function ownersOnly(owner: string): GetBucketAclOutput {
  return {
    Owner: ownerOf(owner),
    Grants: [{ Grantee: { ...ownerOf(owner), Type: "CanonicalUser" }, Permission: "FULL_CONTROL" }],
  };
}
