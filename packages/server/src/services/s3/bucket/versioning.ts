import type {
  GetBucketPolicyStatusOutput,
  GetBucketPolicyStatusRequest,
  GetBucketVersioningOutput,
  GetBucketVersioningRequest,
  PutBucketVersioningRequest,
} from "@aws-sdk/client-s3";
import { ServiceError } from "../../../errors.ts";
import type { Platform } from "../../../platform.ts";
import type { CorsRule } from "../../service.ts";
import { openBucket, type S3Handler, storageOf } from "../access.ts";

export const getBucketVersioning: S3Handler<GetBucketVersioningRequest, GetBucketVersioningOutput> = async (
  input,
  context,
) => {
  const { versioning } = await openBucket(input, context);
  return versioning ? { Status: versioning } : {};
};

/** Once on, versioning can only be suspended: older versions stay. */
export const putBucketVersioning: S3Handler<PutBucketVersioningRequest, Record<string, never>> = async (
  input,
  context,
) => {
  const bucket = await openBucket(input, context);
  const status = input.VersioningConfiguration?.Status;
  if (status !== "Enabled" && status !== "Suspended") {
    throw new ServiceError("IllegalVersioningConfigurationException", "The Versioning element must be specified", {
      status: 400,
    });
  }
  if (bucket.objectLock && status === "Suspended") {
    throw new ServiceError(
      "InvalidBucketState",
      "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
      { status: 409 },
    );
  }
  await storageOf(context).buckets.change(bucket.name, (before) => ({ ...before, versioning: status }));
  return {};
};

/** Policies are stored, not evaluated; only the owning account has access, whatever a policy says. */
export const getBucketPolicyStatus: S3Handler<GetBucketPolicyStatusRequest, GetBucketPolicyStatusOutput> = async (
  input,
  context,
) => {
  const bucket = await openBucket(input, context);
  if (bucket.settings["policy"] === undefined) {
    throw new ServiceError("NoSuchBucketPolicy", "The bucket policy does not exist", {
      status: 404,
      members: { BucketName: bucket.name },
    });
  }
  return { PolicyStatus: { IsPublic: false } };
};

/** A bucket's CORS rules for the gateway, which answers preflights and marks answers by them. */
export async function corsRules(name: string, platform: Platform): Promise<readonly CorsRule[] | undefined> {
  const bucket = await storageOf({ platform }).buckets.find(name);
  const stored = bucket?.settings["cors"] as { CORSRules?: StoredRule[] } | undefined;
  return stored?.CORSRules?.map((rule) => ({
    allowedOrigins: rule.AllowedOrigins ?? [],
    allowedMethods: rule.AllowedMethods ?? [],
    allowedHeaders: rule.AllowedHeaders ?? [],
    exposeHeaders: rule.ExposeHeaders ?? [],
    ...(rule.MaxAgeSeconds !== undefined && { maxAgeSeconds: rule.MaxAgeSeconds }),
  }));
}

interface StoredRule {
  AllowedOrigins?: string[];
  AllowedMethods?: string[];
  AllowedHeaders?: string[];
  ExposeHeaders?: string[];
  MaxAgeSeconds?: number;
}
