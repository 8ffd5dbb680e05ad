import type { CreateBucketOutput, CreateBucketRequest } from "@aws-sdk/client-s3";
import { ServiceError } from "../../../errors.ts";
import { notImplemented, type S3Handler, storageOf } from "../access.ts";
import { requireCannedAcl } from "../acl.ts";

/** What AWS gives new buckets since April 2023. */
const publicAccessBlock = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
};

/**
 * Creates a bucket. Names are global; creating one's own again succeeds in us-east-1 only, as in S3.
 * @throws ServiceError `InvalidBucketName`, `BucketAlreadyExists`, `BucketAlreadyOwnedByYou`.
 */
export const createBucket: S3Handler<CreateBucketRequest, CreateBucketOutput> = async (input, context) => {
  const name = input.Bucket as string;
  requireName(name);
  requireCannedAcl(input.ACL);
  if (input.CreateBucketConfiguration?.Bucket?.Type) throw notImplemented("directory buckets");
  const { buckets } = storageOf(context);
  const { account } = context.scope;
  const asked = input.CreateBucketConfiguration?.LocationConstraint;
  const region = asked === "EU" ? "eu-west-1" : (asked ?? context.scope.region);
  const settings: Record<string, unknown> = { publicAccessBlock };
  if (input.ObjectOwnership) settings["ownership"] = { Rules: [{ ObjectOwnership: input.ObjectOwnership }] };
  if (input.CreateBucketConfiguration?.Tags?.length) settings["tagging"] = input.CreateBucketConfiguration.Tags;
  const made = await buckets.create(name, {
    owner: account,
    region,
    settings,
    // Object lock needs versions to lock.
    ...(input.ObjectLockEnabledForBucket && { objectLock: true, versioning: "Enabled" as const }),
  });
  if (!made) {
    const existing = await buckets.find(name);
    if (existing && existing.owner !== account) throw taken(name);
    if (region !== "us-east-1" || existing?.region !== region) throw ownedByYou(name);
  }
  return { Location: `/${name}`, BucketArn: `arn:${context.scope.partition}:s3:::${name}` };
};

/** S3's rules for names of general purpose buckets. */
function requireName(name: string): void {
  const ok =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes("..") &&
    !/^\d{1,3}(\.\d{1,3}){3}$/.test(name) &&
    !/^(xn--|sthree-)/.test(name) &&
    !/(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name);
  if (ok) return;
  throw new ServiceError("InvalidBucketName", "The specified bucket is not valid.", {
    status: 400,
    members: { BucketName: name },
  });
}

function taken(name: string): ServiceError {
  return new ServiceError(
    "BucketAlreadyExists",
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
    { status: 409, members: { BucketName: name } },
  );
}

function ownedByYou(name: string): ServiceError {
  return new ServiceError(
    "BucketAlreadyOwnedByYou",
    "Your previous request to create the named bucket succeeded and you already own it.",
    { status: 409, members: { BucketName: name } },
  );
}
