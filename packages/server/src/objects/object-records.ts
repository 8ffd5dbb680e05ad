/** What the catalogue's records hold. */

/** Checksum algorithms of the current SDKs, named as S3 names them. */
export type ChecksumAlgorithm =
  | "CRC32"
  | "CRC32C"
  | "CRC64NVME"
  | "SHA1"
  | "SHA256"
  | "SHA512"
  | "MD5"
  | "XXHASH64"
  | "XXHASH3"
  | "XXHASH128";

/** A checksum in base64, as S3 carries it; composite values end with `-PARTS`. */
export interface StoredChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string;
  readonly type: "FULL_OBJECT" | "COMPOSITE";
}

/** What a caller may say about an object; all of it is returned as it came. */
export interface ObjectAttributes {
  readonly contentType?: string;
  readonly cacheControl?: string;
  readonly contentDisposition?: string;
  readonly contentEncoding?: string;
  readonly contentLanguage?: string;
  readonly expires?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly tags?: readonly Tag[];
  readonly storageClass?: string;
  readonly websiteRedirectLocation?: string;
  readonly encryption?: Encryption;
}

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

/** Which server-side encryption an object has: `AES256` in name only, `aws:kms` under the key with the ARN `keyId`. */
export interface Encryption {
  readonly algorithm: string;
  readonly keyId?: string;
  readonly bucketKey?: boolean;
}

/** Where an object's bytes are: beside the records when `inline`, else in the immutable file named `id`. */
export interface BytesReference {
  readonly id: string;
  readonly sizeBytes: number;
  readonly inline: boolean;
  /** Set when they are encrypted: their data key, itself encrypted, in Base64, and the ARN of the object that it is bound to. */
  readonly sealed?: { readonly dataKey: string; readonly objectArn: string };
}

/** One stored version of a key. */
export interface ObjectVersion {
  /** `null` for versions written while the bucket was not versioned. */
  readonly versionId: string;
  /** Sorts newest first among the versions of a key. */
  readonly order: string;
  readonly bytes: BytesReference;
  /** With quotes. */
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  readonly checksum?: StoredChecksum;
  /** Set when the object was made of parts; their sizes are with the bytes record. */
  readonly partCount?: number;
  readonly attributes: ObjectAttributes;
  /** What stored it, where that is a part of the platform that will look for it again. Not shown to anybody else, and not copied. */
  readonly origin?: string;
  readonly retention?: { readonly mode: string; readonly until: number };
  readonly legalHold?: boolean;
}

/** Stands where a versioned key was deleted. */
export interface DeleteMarker {
  readonly versionId: string;
  readonly order: string;
  readonly modifiedAt: number;
  readonly deleteMarker: true;
}

export type AnyVersion = ObjectVersion | DeleteMarker;

export function isDeleteMarker(version: AnyVersion): version is DeleteMarker {
  return "deleteMarker" in version;
}

/** Record of stored bytes. Copies share one, which is why it counts. */
export interface BytesRecord {
  readonly references: number;
  readonly sizeBytes: number;
  /** Base64, when the bytes ride in the store. */
  readonly data?: string;
  readonly parts?: readonly PartSummary[];
}

export interface PartSummary {
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly checksum?: string;
}

/** A bucket. Its settings are kept as the SDK's own shapes, by setting name. */
export interface BucketRecord {
  /** Twelve digits. */
  readonly owner: string;
  readonly region: string;
  readonly versioning?: "Enabled" | "Suspended";
  readonly objectLock?: boolean;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface UploadRecord {
  readonly uploadId: string;
  readonly initiatedAt: number;
  readonly owner: string;
  readonly attributes: ObjectAttributes;
  readonly checksumAlgorithm?: ChecksumAlgorithm;
  readonly checksumType?: "FULL_OBJECT" | "COMPOSITE";
}

export interface PartRecord {
  readonly partNumber: number;
  readonly bytes: BytesReference;
  readonly etag: string;
  readonly modifiedAt: number;
  readonly checksum?: StoredChecksum;
}

/** Bytes that a holder keeps on disk even when nothing else refers to them. */
export interface HoldRecord {
  readonly holder: string;
  readonly ids: readonly string[];
}
