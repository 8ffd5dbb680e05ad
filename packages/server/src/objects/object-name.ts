import type { RecordKey } from "../store/store.ts";

/**
 * How buckets, keys, versions and uploads become record names.
 *
 * Record names sort by their UTF-8 bytes, as S3 keys do, and may hold anything but NUL. A key is escaped so that its
 * order stays: U+0000 becomes 01 02, U+0001 becomes 01 03, and 01 01 ends a key that is followed by more. The end mark
 * sorts below every continuation, so all versions of `a` stand before the first version of `a/b`.
 */
const KEY_END = "\u0001\u0001";

/** Record kinds of the object catalogue. */
export const kinds = {
  bucket: "bucket",
  /** The current version of a key; absent when the key is deleted or its newest version is a delete marker. */
  object: "object",
  /** Versions that are not current, and every delete marker. */
  version: "object-version",
  /** What refers to stored bytes, how often, and the bytes themselves when they are small. */
  bytes: "object-bytes",
  hold: "object-hold",
  upload: "multipart-upload",
  part: "multipart-part",
} as const;

type Kind = (typeof kinds)[keyof typeof kinds];

/** Buckets and what is in them are global: account and region stay empty. */
function globalKey(kind: Kind, name: string): RecordKey {
  return { account: "", region: "", kind, name };
}

/** Escapes a key, or a prefix of keys, into record-name text of the same order. */
export function escapeKey(key: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped here
  return /[\0\u0001]/.test(key) ? key.replaceAll("\u0001", "\u0001\u0003").replaceAll("\0", "\u0001\u0002") : key;
}

/** Undoes `escapeKey`. */
export function unescapeKey(text: string): string {
  if (!text.includes("\u0001")) return text;
  return text.replaceAll("\u0001\u0002", "\0").replaceAll("\u0001\u0003", "\u0001");
}

/** Everything of one bucket begins with this text; bucket names hold no slash. */
export function inBucket(bucket: string, keyPrefix = ""): string {
  return `${bucket}/${escapeKey(keyPrefix)}`;
}

export function bucketKey(bucket: string): RecordKey {
  return globalKey(kinds.bucket, bucket);
}

export function objectKey(bucket: string, key: string): RecordKey {
  return globalKey(kinds.object, inBucket(bucket, key));
}

/** Versions of one key begin with this text; `order` follows it. */
export function versionsOf(bucket: string, key: string): string {
  return inBucket(bucket, key) + KEY_END;
}

/** @param order - Sorts the newest version first. */
export function versionKey(bucket: string, key: string, order: string): RecordKey {
  return globalKey(kinds.version, versionsOf(bucket, key) + order);
}

export function bytesKey(id: string): RecordKey {
  return globalKey(kinds.bytes, id);
}

export function holdKey(name: string): RecordKey {
  return globalKey(kinds.hold, name);
}

export function uploadKey(bucket: string, key: string, uploadId: string): RecordKey {
  return globalKey(kinds.upload, versionsOf(bucket, key) + uploadId);
}

export function partKey(uploadId: string, partNumber: number): RecordKey {
  return globalKey(kinds.part, `${uploadId}/${String(partNumber).padStart(5, "0")}`);
}

/** The key that a record name of `object`, `object-version` or `multipart-upload` stands for. */
export function keyOfName(name: string): string {
  const start = name.indexOf("/") + 1;
  const end = name.indexOf(KEY_END, start);
  return unescapeKey(end < 0 ? name.slice(start) : name.slice(start, end));
}

/**
 * The least text that sorts above every text beginning with `prefix`, by UTF-8 bytes: what a listing jumps to after a
 * common prefix.
 * @returns `undefined` when nothing sorts above.
 */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix);
  while (points.length > 0) {
    const last = points.pop()?.codePointAt(0) as number;
    if (last === 0x10ffff) continue;
    // The surrogate range is no text: its successor is U+E000.
    return points.join("") + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

/** Compares two texts by their UTF-8 bytes, which is also by code point; JavaScript's own order is by UTF-16 unit. */
export function compareByteOrder(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left === right) continue;
    // A surrogate stands for a code point above every other unit, U+E000 to U+FFFF included.
    const leftSurrogate = left >= 0xd800 && left <= 0xdfff;
    const rightSurrogate = right >= 0xd800 && right <= 0xdfff;
    if (leftSurrogate !== rightSurrogate) return leftSurrogate ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
}
