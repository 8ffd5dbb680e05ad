/**
 * The record store's contract. One suite (`store-contract.ts`) holds for every backend.
 *
 * A record is a JSON value with a key, a version and the few columns that lists filter and sort by. Everything the
 * platform remembers is a record, object metadata included; bytes live in `objects/`.
 */

/** What a record is found by. Kinds whose names are global (buckets, IAM names) leave `account` or `region` empty. */
export interface RecordKey {
  readonly account: string;
  readonly region: string;
  /** AWS noun in kebab-case: `training-job`, `endpoint-config`, `bucket`. */
  readonly kind: string;
  /** Any text without NUL. Sorts by its UTF-8 bytes in every backend. */
  readonly name: string;
}

export interface StoredRecord<Value = unknown> extends RecordKey {
  /** Counts from 1 and rises by one with every write. */
  readonly version: number;
  /** Milliseconds since 1970; set on creation and kept. */
  readonly createdAt: number;
  /** Milliseconds since 1970 of the last write. */
  readonly modifiedAt: number;
  /** What lists filter by; absent for kinds without a status. */
  readonly status?: string;
  readonly value: Value;
}

/**
 * One write of a transaction.
 * - `create` fails the transaction when the name is taken;
 * - `put` writes whatever is there;
 * - `update` and `delete` fail it when the record is absent or its version is not `version` (omitted: any version).
 */
export type Write =
  | { readonly op: "create"; readonly key: RecordKey; readonly value: unknown; readonly status?: string }
  | { readonly op: "put"; readonly key: RecordKey; readonly value: unknown; readonly status?: string }
  | {
      readonly op: "update";
      readonly key: RecordKey;
      readonly version?: number;
      readonly value: unknown;
      readonly status?: string;
    }
  | { readonly op: "delete"; readonly key: RecordKey; readonly version?: number };

/** The condition that a transaction met: nothing of it was written. */
export class WriteConflict extends Error {
  override readonly name = "WriteConflict";
  readonly key: RecordKey;
  readonly reason: "exists" | "absent" | "version";

  constructor(key: RecordKey, reason: "exists" | "absent" | "version") {
    super(`${key.kind} ${JSON.stringify(key.name)}: ${reason}`);
    this.key = key;
    this.reason = reason;
  }
}

export interface ListQuery {
  readonly kind: string;
  readonly account?: string;
  readonly region?: string;
  /** Only names that begin with this text. */
  readonly prefix?: string;
  /** Only names greater than this one (exclusive), in byte order. Only with `sortBy: "name"`. */
  readonly after?: string;
  /** Only names greater than or equal to this one. Only with `sortBy: "name"`. */
  readonly from?: string;
  readonly nameContains?: string;
  readonly status?: string;
  /** Leaves out records in one of these statuses: how a rescan finds unfinished work among many finished records. */
  readonly statusNot?: readonly string[];
  /** Milliseconds since 1970, all exclusive. */
  readonly createdAfter?: number;
  readonly createdBefore?: number;
  readonly modifiedAfter?: number;
  readonly modifiedBefore?: number;
  /** Ties are broken by name, so that every page continues exactly where the last one ended. Default `name`. */
  readonly sortBy?: "name" | "created" | "modified" | "status";
  readonly descending?: boolean;
  /** 1 to 1,000. */
  readonly limit: number;
  /** `next` of the page before. Refused with `InvalidPageToken` when it belongs to another query. */
  readonly token?: string;
}

export interface Page<Value> {
  readonly records: readonly StoredRecord<Value>[];
  /** Present when there may be more. */
  readonly next?: string;
}

/** The token is not one that this query gave out. */
export class InvalidPageToken extends Error {
  override readonly name = "InvalidPageToken";
}

/** A lease: one owner at a time, until it expires. */
export interface Lease {
  readonly name: string;
  readonly owner: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface Store {
  /** The record, as of the last acknowledged write. */
  get<Value>(key: RecordKey): Promise<StoredRecord<Value> | undefined>;
  list<Value>(query: ListQuery): Promise<Page<Value>>;
  /**
   * Writes all or nothing; resolves when the writes survive kill -9 and power loss.
   * @returns The records written, in the order of `writes`; `undefined` for each delete.
   * @throws WriteConflict when a condition does not hold.
   */
  write(writes: readonly Write[]): Promise<(StoredRecord | undefined)[]>;
  /**
   * Calls `listener` after a committed write of one of `kinds`. A hint: it may come late, twice, or be lost with the
   * connection; whoever must not miss a change scans again.
   * @returns Stops watching.
   */
  watch(kinds: readonly string[], listener: (key: RecordKey) => void): () => void;
  /** Takes or renews a lease. @returns The lease, or `undefined` while another owner holds it. */
  acquireLease(name: string, owner: string, durationMs: number): Promise<Lease | undefined>;
  /** The lease as it is held now; `undefined` when nobody has it or it expired. */
  getLease(name: string): Promise<Lease | undefined>;
  /** Gives a lease back; nothing happens when `owner` does not hold it. */
  releaseLease(name: string, owner: string): Promise<void>;
  close(): Promise<void>;
}
