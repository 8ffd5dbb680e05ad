import type { CORSConfiguration } from "@aws-sdk/client-s3";
import { ServiceError } from "../../../errors.ts";
import type { Handler } from "../../service.ts";
import { type BucketInput, openBucket, storageOf } from "../access.ts";

/** A bucket setting that is stored and returned as it came: the three operations differ only in these names. */
interface Setting {
  /** Where the bucket's record keeps it. */
  readonly name: string;
  readonly put?: string;
  readonly get: string;
  readonly remove?: string;
  /** Member of the Put's input that holds the setting. */
  readonly input: string;
  /** What the Get answers. */
  readonly output: (value: unknown) => unknown;
  /** Answer while nothing is set: a value, or S3's error. */
  readonly unset: { readonly value: unknown } | { readonly code: string; readonly message: string };
  /** @throws ServiceError for a value that S3 refuses. */
  readonly check?: (value: unknown) => void;
}

const whole = (member: string) => (value: unknown) => ({ [member]: value });
const spread = (value: unknown) => value;

const settings: readonly Setting[] = [
  {
    name: "cors",
    put: "PutBucketCors",
    get: "GetBucketCors",
    remove: "DeleteBucketCors",
    input: "CORSConfiguration",
    output: spread,
    unset: { code: "NoSuchCORSConfiguration", message: "The CORS configuration does not exist" },
    check: checkCors,
  },
  {
    name: "encryption",
    put: "PutBucketEncryption",
    get: "GetBucketEncryption",
    remove: "DeleteBucketEncryption",
    input: "ServerSideEncryptionConfiguration",
    output: whole("ServerSideEncryptionConfiguration"),
    // What every S3 bucket says since January 2023.
    unset: {
      value: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" }, BucketKeyEnabled: false }] },
    },
  },
  {
    name: "publicAccessBlock",
    put: "PutPublicAccessBlock",
    get: "GetPublicAccessBlock",
    remove: "DeletePublicAccessBlock",
    input: "PublicAccessBlockConfiguration",
    output: whole("PublicAccessBlockConfiguration"),
    unset: {
      code: "NoSuchPublicAccessBlockConfiguration",
      message: "The public access block configuration was not found",
    },
  },
  {
    name: "policy",
    put: "PutBucketPolicy",
    get: "GetBucketPolicy",
    remove: "DeleteBucketPolicy",
    input: "Policy",
    output: whole("Policy"),
    unset: { code: "NoSuchBucketPolicy", message: "The bucket policy does not exist" },
    check: checkPolicy,
  },
  {
    name: "ownership",
    put: "PutBucketOwnershipControls",
    get: "GetBucketOwnershipControls",
    remove: "DeleteBucketOwnershipControls",
    input: "OwnershipControls",
    output: whole("OwnershipControls"),
    unset: { value: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] } },
  },
  {
    name: "lifecycle",
    put: "PutBucketLifecycleConfiguration",
    get: "GetBucketLifecycleConfiguration",
    remove: "DeleteBucketLifecycle",
    input: "LifecycleConfiguration",
    output: spread,
    unset: { code: "NoSuchLifecycleConfiguration", message: "The lifecycle configuration does not exist" },
  },
  {
    name: "tagging",
    put: "PutBucketTagging",
    get: "GetBucketTagging",
    remove: "DeleteBucketTagging",
    input: "Tagging",
    // CreateBucket keeps its tags as a bare list.
    output: (value) => ({ TagSet: Array.isArray(value) ? value : ((value as { TagSet?: unknown[] }).TagSet ?? []) }),
    unset: { code: "NoSuchTagSet", message: "The TagSet does not exist" },
  },
  {
    name: "website",
    put: "PutBucketWebsite",
    get: "GetBucketWebsite",
    remove: "DeleteBucketWebsite",
    input: "WebsiteConfiguration",
    output: spread,
    unset: {
      code: "NoSuchWebsiteConfiguration",
      message: "The specified bucket does not have a website configuration",
    },
  },
  {
    name: "logging",
    put: "PutBucketLogging",
    get: "GetBucketLogging",
    input: "BucketLoggingStatus",
    output: spread,
    unset: { value: {} },
  },
  {
    name: "notification",
    put: "PutBucketNotificationConfiguration",
    get: "GetBucketNotificationConfiguration",
    input: "NotificationConfiguration",
    output: spread,
    unset: { value: {} },
  },
  {
    name: "acceleration",
    put: "PutBucketAccelerateConfiguration",
    get: "GetBucketAccelerateConfiguration",
    input: "AccelerateConfiguration",
    output: spread,
    unset: { value: {} },
  },
  {
    name: "requestPayment",
    put: "PutBucketRequestPayment",
    get: "GetBucketRequestPayment",
    input: "RequestPaymentConfiguration",
    output: spread,
    unset: { value: { Payer: "BucketOwner" } },
  },
  {
    name: "replication",
    get: "GetBucketReplication",
    input: "ReplicationConfiguration",
    output: whole("ReplicationConfiguration"),
    unset: {
      code: "ReplicationConfigurationNotFoundError",
      message: "The replication configuration was not found",
    },
  },
  {
    name: "objectLockConfiguration",
    get: "GetObjectLockConfiguration",
    input: "ObjectLockConfiguration",
    output: whole("ObjectLockConfiguration"),
    unset: {
      code: "ObjectLockConfigurationNotFoundError",
      message: "Object Lock configuration does not exist for this bucket",
    },
  },
];

/** Operations of every setting in the table, by name. */
export const settingOperations: Readonly<Record<string, Handler>> = Object.fromEntries(
  settings.flatMap((setting): [string, Handler][] => {
    const operations: [string, Handler][] = [[setting.get, getter(setting)]];
    if (setting.put) operations.push([setting.put, putter(setting)]);
    if (setting.remove) operations.push([setting.remove, remover(setting)]);
    return operations;
  }),
);

function getter({ name, output, unset }: Setting): Handler<BucketInput> {
  return async (input, context) => {
    const bucket = await openBucket(input, context);
    const value = bucket.settings[name];
    if (value !== undefined) return output(revive(value));
    if ("value" in unset) return output(unset.value);
    throw new ServiceError(unset.code, unset.message, { status: 404, members: { BucketName: bucket.name } });
  };
}

function putter({ name, input: member, check }: Setting): Handler<BucketInput> {
  return async (input, context) => {
    const bucket = await openBucket(input, context);
    const value = (input as Record<string, unknown>)[member];
    if (value === undefined) {
      throw new ServiceError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
        {
          status: 400,
        },
      );
    }
    check?.(value);
    await storageOf(context).buckets.change(bucket.name, (before) => ({
      ...before,
      settings: { ...before.settings, [name]: freeze(value) },
    }));
    return {};
  };
}

function remover({ name }: Setting): Handler<BucketInput> {
  return async (input, context) => {
    const bucket = await openBucket(input, context);
    await storageOf(context).buckets.change(bucket.name, (before) => {
      const { [name]: _gone, ...rest } = before.settings;
      return { ...before, settings: rest };
    });
    return {};
  };
}

/** Dates become text in a record; lifecycle rules have some. */
const dateMember = "$date";

function freeze(value: unknown): unknown {
  if (value instanceof Date) return { [dateMember]: value.getTime() };
  if (Array.isArray(value)) return value.map(freeze);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, freeze(inner)]));
}

function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  if (dateMember in value) return new Date(value[dateMember] as number);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
}

function checkCors(value: unknown): void {
  const { CORSRules: rules } = value as CORSConfiguration;
  const methods = new Set(["GET", "PUT", "HEAD", "POST", "DELETE"]);
  for (const rule of rules ?? []) {
    const wrong = rule.AllowedMethods?.find((method) => !methods.has(method));
    if (wrong !== undefined) {
      throw new ServiceError(
        "InvalidRequest",
        `Found unsupported HTTP method in CORS config. Unsupported method is ${wrong}`,
        {
          status: 400,
        },
      );
    }
    const many = rule.AllowedOrigins?.find((origin) => origin.split("*").length > 2);
    if (many !== undefined) {
      throw new ServiceError("InvalidRequest", `AllowedOrigin "${many}" can not have more than one wildcard.`, {
        status: 400,
      });
    }
  }
}

function checkPolicy(policy: unknown): void {
  try {
    const parsed: unknown = JSON.parse(String(policy));
    if (parsed !== null && typeof parsed === "object" && "Statement" in parsed) return;
  } catch {
    // Falls through to the one error for every malformed policy.
  }
  throw new ServiceError("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'", {
    status: 400,
  });
}
