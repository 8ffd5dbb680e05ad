import type { Store, StoredRecord } from "../store/store.ts";
import {
  afterPrefix,
  compareByteOrder,
  inBucket,
  keyOfName,
  kinds,
  uploadKey,
  versionKey,
  versionsOf,
} from "./object-name.ts";
import type { AnyVersion, ObjectVersion, UploadRecord } from "./object-records.ts";
import { RecordCursor } from "./record-cursor.ts";

/** What to list. */
export interface ListingQuery {
  readonly bucket: string;
  readonly prefix: string;
  /** Keys that share the text up to this one, after the prefix, are listed as one common prefix. Empty for none. */
  readonly delimiter: string;
  /** Items at most, common prefixes included; 0 gives an empty page that is not truncated. */
  readonly limit: number;
}

/** Keys and common prefixes in one order. */
export type ListingItem<Entry> = { readonly prefix: string } | Entry;

export interface ListingPage<Entry> {
  readonly items: readonly ListingItem<Entry>[];
  readonly isTruncated: boolean;
}

export interface ListedObject {
  readonly key: string;
  readonly version: ObjectVersion;
}

export interface ListedVersion {
  readonly key: string;
  readonly version: AnyVersion;
  readonly isLatest: boolean;
}

export interface ListedUpload {
  readonly key: string;
  readonly upload: UploadRecord;
}

/**
 * Listings in byte order of the key. A delimiter costs one jump for each common prefix, however many keys are below it.
 */
export class Listing {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @param after - A key, or a common prefix that the page before ended with; only what follows is listed. */
  objects(query: ListingQuery, after = ""): Promise<ListingPage<ListedObject>> {
    const cursor = new RecordCursor<ObjectVersion>(
      this.#store,
      kinds.object,
      inBucket(query.bucket, query.prefix),
      startAfter(query, after),
    );
    return collect(query, async () => {
      const record = await cursor.peek();
      if (!record) return undefined;
      const key = keyOfName(record.name);
      return {
        key,
        take: () => ({ key, version: record.value }),
        next: () => cursor.advance(),
        skip: (p) => cursor.skip(p),
      };
    });
  }

  /** Every current object whose key begins with `prefix`, without pages in between. */
  async *everyObject(bucket: string, prefix: string): AsyncGenerator<ListedObject> {
    const cursor = new RecordCursor<ObjectVersion>(this.#store, kinds.object, inBucket(bucket, prefix));
    for (let record = await cursor.peek(); record !== undefined; record = await cursor.peek()) {
      yield { key: keyOfName(record.name), version: record.value };
      cursor.advance();
    }
  }

  /** All versions and delete markers, newest first within a key. @param order - Of the version in `after` to go on behind. */
  versions(query: ListingQuery, after = "", order?: string): Promise<ListingPage<ListedVersion>> {
    const prefix = inBucket(query.bucket, query.prefix);
    const objects = new RecordCursor<ObjectVersion>(this.#store, kinds.object, prefix, startAfter(query, after));
    const olderStart =
      order === undefined ? startAfterVersions(query, after) : { after: versionKey(query.bucket, after, order).name };
    const older = new RecordCursor<AnyVersion>(this.#store, kinds.version, prefix, olderStart);
    let lastKey = order === undefined ? undefined : after;
    return collect(query, async () => {
      const [current, past] = [await objects.peek(), await older.peek()];
      const record = firstOf(current, past);
      if (!record) return undefined;
      const key = keyOfName(record.name);
      return {
        key,
        take: () => {
          const isLatest = key !== lastKey;
          lastKey = key;
          return { key, version: record.value, isLatest };
        },
        next: () => (record === current ? objects.advance() : older.advance()),
        skip: (text) => {
          objects.skip(text);
          older.skip(text);
        },
      };
    });
  }

  /** Unfinished uploads by key, oldest first within a key. @param uploadId - Of the upload in `after` to go on behind. */
  uploads(query: ListingQuery, after = "", uploadId?: string): Promise<ListingPage<ListedUpload>> {
    const start =
      uploadId === undefined
        ? startAfterVersions(query, after)
        : { after: uploadKey(query.bucket, after, uploadId).name };
    const cursor = new RecordCursor<UploadRecord>(
      this.#store,
      kinds.upload,
      inBucket(query.bucket, query.prefix),
      start,
    );
    return collect(query, async () => {
      const record = await cursor.peek();
      if (!record) return undefined;
      const key = keyOfName(record.name);
      return {
        key,
        take: () => ({ key, upload: record.value }),
        next: () => cursor.advance(),
        skip: (p) => cursor.skip(p),
      };
    });
  }
}

/** One step of a listing: the record at hand, and the two ways on. */
interface Step<Entry> {
  readonly key: string;
  take(): Entry;
  next(): void;
  skip(namePrefix: string): void;
}

async function collect<Entry>(
  { bucket, prefix, delimiter, limit }: ListingQuery,
  step: () => Promise<Step<Entry> | undefined>,
): Promise<ListingPage<Entry>> {
  const items: ListingItem<Entry>[] = [];
  if (limit === 0) return { items, isTruncated: false };
  for (;;) {
    const at = await step();
    if (!at) return { items, isTruncated: false };
    if (items.length === limit) return { items, isTruncated: true };
    const cut = delimiter === "" ? -1 : at.key.indexOf(delimiter, prefix.length);
    if (cut < 0) {
      items.push(at.take());
      at.next();
    } else {
      const common = at.key.slice(0, cut + delimiter.length);
      items.push({ prefix: common });
      at.skip(inBucket(bucket, common));
    }
  }
}

/** Where object names begin that follow `after`, which may be a common prefix that was listed already. */
function startAfter(query: ListingQuery, after: string): { after: string } | { from: string } | undefined {
  if (after === "") return undefined;
  const name = inBucket(query.bucket, after);
  const from = isCommonPrefix(query, after) ? afterPrefix(name) : undefined;
  return from === undefined ? { after: name } : { from };
}

/** The same for kinds whose names go on behind the key. */
function startAfterVersions(query: ListingQuery, after: string): { after: string } | { from: string } | undefined {
  if (after === "") return undefined;
  const name = isCommonPrefix(query, after) ? inBucket(query.bucket, after) : versionsOf(query.bucket, after);
  const from = afterPrefix(name);
  return from === undefined ? { after: name } : { from };
}

function isCommonPrefix({ prefix, delimiter }: ListingQuery, text: string): boolean {
  if (delimiter === "" || !text.startsWith(prefix)) return false;
  const cut = text.indexOf(delimiter, prefix.length);
  return cut >= 0 && cut + delimiter.length === text.length;
}

/** The record that comes first: by key, the current version before older ones. */
function firstOf(
  current: StoredRecord<ObjectVersion> | undefined,
  past: StoredRecord<AnyVersion> | undefined,
): StoredRecord<AnyVersion> | undefined {
  if (!current || !past) return current ?? past;
  return compareByteOrder(keyOfName(current.name), keyOfName(past.name)) <= 0 ? current : past;
}
