import type { EncryptionContext, KeyManagement, KmsKey } from "../kms/key-management.ts";
import { partitionOf } from "../scope.ts";
import type { Bucket } from "./buckets.ts";
import type { Encryption } from "./object-records.ts";

/** The key that S3 takes where none is named. */
const defaultKey = "alias/aws/s3";

/** What new bytes are encrypted with. */
export interface Seal {
  readonly key: KmsKey;
  readonly objectArn: string;
}

/** How an object is to be stored. */
export interface WantedEncryption {
  /** For its attributes, with the key's ARN. */
  readonly encryption?: Encryption;
  readonly seal?: Seal;
}

/** What data keys of objects are bound to, as S3 has it. */
export function objectContext(objectArn: string): EncryptionContext {
  return { "aws:s3:arn": objectArn };
}

/**
 * The encryption of a new object: what the caller asks for, else what its bucket has by default.
 * @throws ServiceError `KMS.…` for a key that there is not, or where there is no master key.
 */
export function encryptionFor(
  keys: KeyManagement,
  bucket: Pick<Bucket, "name" | "owner" | "region" | "settings">,
  key: string,
  asked: Encryption | undefined,
): WantedEncryption {
  const wanted = asked ?? defaultOf(bucket);
  if (!wanted?.algorithm.startsWith("aws:kms")) return asked ? { encryption: asked } : {};
  // The SDK asks so for all code that it uploads, and names no key: where there is none, it is what S3 does by itself.
  if (wanted.keyId === undefined && !keys.isReady) return asked ? { encryption: { algorithm: "AES256" } } : {};
  const kmsKey = keys.key(wanted.keyId ?? defaultKey, { account: bucket.owner, region: bucket.region });
  return {
    encryption: { ...wanted, keyId: kmsKey.arn },
    seal: { key: kmsKey, objectArn: `arn:${partitionOf(bucket.region)}:s3:::${bucket.name}/${key}` },
  };
}

/** What `PutBucketEncryption` stores, as far as it is read here. */
interface DefaultEncryption {
  readonly Rules?: readonly {
    readonly ApplyServerSideEncryptionByDefault?: {
      readonly SSEAlgorithm?: string;
      readonly KMSMasterKeyID?: string;
    };
    readonly BucketKeyEnabled?: boolean;
  }[];
}

function defaultOf({ settings }: Pick<Bucket, "settings">): Encryption | undefined {
  const [rule] = (settings["encryption"] as DefaultEncryption | undefined)?.Rules ?? [];
  const { SSEAlgorithm: algorithm, KMSMasterKeyID: keyId } = rule?.ApplyServerSideEncryptionByDefault ?? {};
  if (algorithm === undefined) return undefined;
  return { algorithm, ...(keyId && { keyId }), ...(rule?.BucketKeyEnabled && { bucketKey: true }) };
}
