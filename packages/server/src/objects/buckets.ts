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

/** Buckets kept in memory; every request asks for one, some twice. */
const MOST_KEPT = 1_000;

/** Buckets and their settings. Names are global, as in S3. */
export class Buckets {
  readonly #store: Store;
  readonly #locks: BucketLocks;
  /** Only this process writes buckets while it runs (the data directory's lock); what else writes here, the store tells. */
  readonly #kept = new Map<string, Bucket>();
  #changes = 0;

  constructor(store: Store, locks: BucketLocks) {
    this.#store = store;
    this.#locks = locks;
    store.watch([kinds.bucket], ({ name }) => this.#forget(name));
  }

  async find(name: string): Promise<Bucket | undefined> {
    const kept = this.#kept.get(name);
    if (kept) return kept;
    const changes = this.#changes;
    const record = await this.#store.get<BucketRecord>(bucketKey(name));
    if (!record) return undefined;
    const bucket = asBucket(record);
    // A write meanwhile may have made this the bucket of before.
    if (changes === this.#changes) {
      if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
      this.#kept.set(name, bucket);
    }
    return bucket;
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
    } finally {
      this.#forget(name);
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
      } finally {
        this.#forget(name);
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
      await this.#store.write([{ op: "delete", key: bucketKey(name) }]).finally(() => this.#forget(name));
    });
  }

  #forget(name: string): void {
    this.#changes++;
    this.#kept.delete(name);
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
