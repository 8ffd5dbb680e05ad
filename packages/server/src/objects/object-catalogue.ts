import type { Readable } from "node:stream";
import type { ByteSource } from "./bytes/byte-source.ts";
import type { Encryption } from "./object-records.ts";

/**
 * Objects as the platform's own parts see them: S3 semantics without HTTP. The S3 service answers from it, jobs read
 * channels and write artifacts through it. Metadata are records; bytes are immutable files named by an id.
 */
export interface ObjectEntry {
  readonly bucket: string;
  /** 1 to 1,024 bytes of UTF-8. */
  readonly key: string;
  readonly sizeBytes: number;
  /** With quotes, as HTTP carries it. */
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  readonly contentType?: string;
  /** Absent in buckets that never had versioning. */
  readonly versionId?: string;
  /** As it was put. */
  readonly origin?: string;
  /** Its bytes are encrypted in the store: in clear they are for memory only. */
  readonly isEncrypted?: true;
}

export interface PutAttributes {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** The bucket's default when absent. */
  readonly encryption?: Encryption;
  /** By which the caller knows its own object again after a crash, and no other. Nobody else sees it. */
  readonly origin?: string;
}

export interface ObjectCatalogue {
  /**
   * Whether the bucket exists and belongs to `owner`, an account id. Bucket names are global: without this question a job
   * could read and write what its account may not.
   */
  hasBucket(bucket: string, owner: string): Promise<boolean>;
  /** Current objects whose key begins with `prefix`, in byte order of the key. */
  list(bucket: string, prefix: string): AsyncIterable<ObjectEntry>;
  /** The current object, or `undefined`. */
  head(bucket: string, key: string): Promise<ObjectEntry | undefined>;
  /** Its bytes. @throws ServiceError `NoSuchKey`, `NoSuchBucket`. */
  read(bucket: string, key: string): Promise<Readable>;
  /** The same, to be read into memory of the reader's own. @throws ServiceError `NoSuchKey`, `NoSuchBucket`. */
  source(bucket: string, key: string): Promise<ByteSource>;
  /**
   * An absolute path of an immutable file that holds the object's bytes, mode 0444. Small objects that ride in the
   * store are written out first. The caller must not change the file; it may be linked or mapped below an overlay.
   * The file stays at least until `release` is called with the same holder, even when the object is deleted.
   */
  file(entry: ObjectEntry, holder: string): Promise<string>;
  /** The same for many objects at once, in order: 10,000 objects take well under half a second. */
  files(entries: readonly ObjectEntry[], holder: string): Promise<string[]>;
  /** Drops every hold that `holder` has. */
  release(holder: string): Promise<void>;
  /** Streams `body` into a new object; visible whole or not at all. @throws ServiceError `NoSuchBucket`. */
  put(bucket: string, key: string, body: AsyncIterable<Uint8Array>, attributes?: PutAttributes): Promise<ObjectEntry>;
  /** Deletes the current object (adds a delete marker where the bucket is versioned). */
  remove(bucket: string, key: string): Promise<void>;
}

/** `s3://bucket/key` taken apart; `undefined` when it is not of that form. */
export function parseS3Uri(uri: string): { bucket: string; key: string } | undefined {
  const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/su.exec(uri);
  return match ? { bucket: match[1] as string, key: match[2] ?? "" } : undefined;
}
