import { ServiceError } from "../errors.ts";
import type { Store, StoredRecord } from "../store/store.ts";
import { WriteConflict } from "../store/store.ts";
import { noSuchBucket } from "./bucket-errors.ts";
import type { BucketLocks } from "./locks.ts";
import { bucketKey, inBucket, kinds } from "./object-name.ts";
import type { BucketRecord } from "./object-records.ts";

/** A bucket with its name and age. */
export interface Bucket extends BucketRecord {
  readonly name: string;
  readonly createdAt: number;
}

/** Buckets and their settings. Names are global, as in S3. */
export class Buckets {
  readonly #store: Store;
  readonly #locks: BucketLocks;

  constructor(store: Store, locks: BucketLocks) {
    this.#store = store;
    this.#locks = locks;
  }

  async find(name: string): Promise<Bucket | undefined> {
    const record = await this.#store.get<BucketRecord>(bucketKey(name));
    return record && asBucket(record);
  }

  /** @throws ServiceError `NoSuchBucket`. */
  async get(name: string): Promise<Bucket> {
    const bucket = await this.find(name);
    if (!bucket) throw noSuchBucket(name);
    return bucket;
  }

  /** @returns `undefined` when the name is taken. */
  async create(name: string, value: BucketRecord): Promise<Bucket | undefined> {
    try {
      const [record] = await this.#store.write([{ op: "create", key: bucketKey(name), value }]);
      return asBucket(record as StoredRecord<BucketRecord>);
    } catch (error) {
      if (error instanceof WriteConflict) return undefined;
      throw error;
    }
  }

  /** Changes a bucket's record as often as it takes to meet nobody else's change. @throws ServiceError `NoSuchBucket`. */
  async change(name: string, change: (before: BucketRecord) => BucketRecord): Promise<void> {
    for (;;) {
      const record = await this.#store.get<BucketRecord>(bucketKey(name));
      if (!record) throw noSuchBucket(name);
      try {
        const value = change(record.value);
        await this.#store.write([{ op: "update", key: bucketKey(name), version: record.version, value }]);
        return;
      } catch (error) {
        if (!(error instanceof WriteConflict)) throw error;
      }
    }
  }

  /** @throws ServiceError `NoSuchBucket`, `BucketNotEmpty` (versions and delete markers count, unfinished uploads do not). */
  async remove(name: string): Promise<void> {
    await this.#locks.alone(name, async () => {
      await this.get(name);
      for (const kind of [kinds.object, kinds.version]) {
        const page = await this.#store.list({ kind, account: "", region: "", prefix: inBucket(name), limit: 1 });
        if (page.records.length === 0) continue;
        const hint = kind === kinds.version ? " You must delete all versions in the bucket." : "";
        throw new ServiceError("BucketNotEmpty", `The bucket you tried to delete is not empty.${hint}`, {
          status: 409,
          members: { BucketName: name },
        });
      }
      await this.#store.write([{ op: "delete", key: bucketKey(name) }]);
    });
  }

  /** Buckets of an account in the order of their names, after `after`. */
  async *list(owner: string, { prefix, after }: { prefix?: string; after?: string } = {}): AsyncGenerator<Bucket> {
    let last = after;
    for (;;) {
      const page = await this.#store.list<BucketRecord>({
        kind: kinds.bucket,
        account: "",
        region: "",
        limit: 1000,
        ...(prefix && { prefix }),
        ...(last !== undefined && { after: last }),
      });
      for (const record of page.records) if (record.value.owner === owner) yield asBucket(record);
      last = page.records.at(-1)?.name;
      if (!page.next || last === undefined) return;
    }
  }
}

function asBucket(record: StoredRecord<BucketRecord>): Bucket {
  return { ...record.value, name: record.name, createdAt: record.createdAt };
}
