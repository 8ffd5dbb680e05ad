import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Clock } from "../clock.ts";
import type { FileLayer } from "../durable/file-layer.ts";
import type { KeyManagement } from "../kms/key-management.ts";
import type { Log } from "../log.ts";
import { silentLog } from "../log.ts";
import type { Store } from "../store/store.ts";
import { noSuchBucket, noSuchKey } from "./bucket-errors.ts";
import { Buckets } from "./buckets.ts";
import type { ByteSource } from "./bytes/byte-source.ts";
import { ByteStore } from "./bytes/byte-store.ts";
import { encryptionFor } from "./encryption.ts";
import { etagOf } from "./entity-tag.ts";
import { Holds } from "./holds.ts";
import { Listing } from "./listing.ts";
import { BucketLocks } from "./locks.ts";
import type { ObjectCatalogue, ObjectEntry, PutAttributes } from "./object-catalogue.ts";
import { type BytesReference, isDeleteMarker, type ObjectVersion } from "./object-records.ts";
import { Objects } from "./objects.ts";
import { type Swept, sweep } from "./sweep.ts";
import { Uploads } from "./uploads.ts";

/** Where the catalogue keeps things. */
export interface ObjectStorageOptions {
  readonly store: Store;
  /** Folder of the object files; `DataDirectory.objects`. */
  readonly directory: string;
  readonly clock: Clock;
  /** What objects are encrypted with; without it none can be. */
  readonly keys?: KeyManagement;
  /** Folder in memory for encrypted objects that are wanted as files; `DataDirectory.memory`. */
  readonly memoryDirectory?: string | undefined;
  readonly log?: Log;
  /** Injected by durability tests. */
  readonly layer?: FileLayer;
  /** Objects up to this size ride in the store. */
  readonly inlineBytes?: number;
}

/** An entry that remembers where its bytes are, so that a held version is read even after it was replaced. */
interface StoredEntry extends ObjectEntry {
  readonly bytes: BytesReference;
}

/**
 * Opens the catalogue: makes its folders, reads the holds. After an unclean end a
 * sweep runs behind.
 */
export async function openObjectCatalogue(options: ObjectStorageOptions): Promise<ObjectStorage> {
  const storage = new ObjectStorage(options);
  await storage.open();
  return storage;
}

/** The catalogue with everything that S3 needs beyond `ObjectCatalogue`. */
export class ObjectStorage implements ObjectCatalogue {
  readonly buckets: Buckets;
  readonly objects: Objects;
  readonly uploads: Uploads;
  readonly listing: Listing;
  readonly bytes: ByteStore;
  readonly #holds: Holds;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  #sweeping: Promise<unknown> = Promise.resolve();

  constructor(options: ObjectStorageOptions) {
    const { store, clock } = options;
    const locks = new BucketLocks();
    this.#store = store;
    this.#clock = clock;
    this.#log = options.log ?? silentLog;
    this.#holds = new Holds(store);
    const { memoryDirectory, ...rest } = options;
    this.bytes = new ByteStore({
      ...rest,
      ...(memoryDirectory !== undefined && { memoryDirectory: join(memoryDirectory, "objects") }),
    });
    this.buckets = new Buckets(store, locks);
    this.listing = new Listing(store);
    const { bytes, buckets } = this;
    this.objects = new Objects({ store, clock, buckets, bytes, holds: this.#holds, locks });
    this.uploads = new Uploads({ store, clock, buckets, bytes, objects: this.objects });
  }

  async open(): Promise<void> {
    await Promise.all([this.bytes.open(), this.#holds.open()]);
    if (await this.bytes.files.wasClean()) return;
    this.#sweeping = this.sweep()
      .then((swept) => this.#log.info("Swept objects after an unclean end.", { ...swept }))
      .catch((error: unknown) => this.#log.error("The sweep of objects failed; `gc` runs it again.", { error }));
  }

  /** Waits for a sweep under way. Writes must have ended. */
  async close(): Promise<void> {
    await this.#sweeping;
    await this.bytes.close();
    await this.bytes.files.markClean();
  }

  /** Removes what crashes left and uploads older than the retention. What `gc` calls. */
  sweep(options: { uploadRetentionMs?: number } = {}): Promise<Swept> {
    const { bytes, uploads } = this;
    return sweep({ store: this.#store, clock: this.#clock, bytes, holds: this.#holds, uploads }, options);
  }

  async hasBucket(bucket: string, owner: string): Promise<boolean> {
    return (await this.buckets.find(bucket))?.owner === owner;
  }

  async *list(bucket: string, prefix: string): AsyncGenerator<ObjectEntry> {
    for await (const { key, version } of this.listing.everyObject(bucket, prefix)) yield toEntry(bucket, key, version);
  }

  async head(bucket: string, key: string): Promise<ObjectEntry | undefined> {
    const found = await this.objects.find(bucket, key);
    return found && !isDeleteMarker(found) ? toEntry(bucket, key, found) : undefined;
  }

  async read(bucket: string, key: string): Promise<Readable> {
    const { bytes } = await this.objects.get(bucket, key);
    return this.bytes.stream(bytes);
  }

  async source(bucket: string, key: string): Promise<ByteSource> {
    const { bytes } = await this.objects.get(bucket, key);
    return this.bytes.source(bytes);
  }

  async file(entry: ObjectEntry, holder: string): Promise<string> {
    return (await this.files([entry], holder))[0] as string;
  }

  async files(entries: readonly ObjectEntry[], holder: string): Promise<string[]> {
    const references: BytesReference[] = [];
    for (const entry of entries) references.push(await this.#reference(entry));
    await this.#holds.hold(
      holder,
      references.map((reference) => reference.id),
    );
    return this.bytes.paths(references);
  }

  async release(holder: string): Promise<void> {
    for (const id of await this.#holds.release(holder)) await this.bytes.eraseUnreferenced(id);
  }

  async put(
    bucket: string,
    key: string,
    body: AsyncIterable<Uint8Array>,
    attributes: PutAttributes = {},
  ): Promise<ObjectEntry> {
    // Before the bytes are taken in: a wrong bucket should not cost an upload.
    const found = await this.buckets.find(bucket);
    if (!found) throw noSuchBucket(bucket);
    const { encryption: asked, origin, ...described } = attributes;
    const { encryption, seal } = encryptionFor(this.bytes.keys, found, key, asked);
    const ingested = await this.bytes.ingest(body, ["MD5"], { seal });
    const version = await this.objects.put(bucket, key, {
      source: { kind: "fresh", ingested },
      etag: etagOf(ingested),
      attributes: { ...described, ...(encryption && { encryption }) },
      ...(origin !== undefined && { origin }),
    });
    return toEntry(bucket, key, version);
  }

  async remove(bucket: string, key: string): Promise<void> {
    await this.objects.remove(bucket, key);
  }

  async #reference(entry: ObjectEntry): Promise<BytesReference> {
    if ("bytes" in entry) return (entry as StoredEntry).bytes;
    // An entry that went through a record: find the version again, and never another one.
    const found = await this.objects.find(entry.bucket, entry.key, entry.versionId);
    if (!found || isDeleteMarker(found) || found.etag !== entry.etag) throw noSuchKey(entry.key);
    return found.bytes;
  }
}

function toEntry(bucket: string, key: string, version: ObjectVersion): StoredEntry {
  const { etag, modifiedAt, bytes, versionId, attributes, origin } = version;
  return {
    bucket,
    key,
    sizeBytes: bytes.sizeBytes,
    etag,
    modifiedAt,
    bytes,
    ...(attributes.contentType !== undefined && { contentType: attributes.contentType }),
    ...(versionId !== "null" && { versionId }),
    ...(origin !== undefined && { origin }),
    ...(bytes.sealed && { isEncrypted: true as const }),
  };
}
