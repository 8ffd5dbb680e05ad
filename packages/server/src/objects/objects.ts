import type { Clock } from "../clock.ts";
import { ServiceError } from "../errors.ts";
import type { Store, StoredRecord, Write } from "../store/store.ts";
import { WriteConflict } from "../store/store.ts";
import { markerNotAllowed, noSuchKey, noSuchVersion, preconditionFailed } from "./bucket-errors.ts";
import type { Bucket, Buckets } from "./buckets.ts";
import type { ByteStore } from "./bytes/byte-store.ts";
import type { Ingested } from "./bytes/ingest.ts";
import type { Holds } from "./holds.ts";
import type { BucketLocks } from "./locks.ts";
import { kinds, objectKey, versionKey, versionsOf } from "./object-name.ts";
import {
  type AnyVersion,
  type BytesReference,
  type DeleteMarker,
  isDeleteMarker,
  type ObjectVersion,
  type PartSummary,
} from "./object-records.ts";
import { VersionOrder } from "./version-order.ts";

/** A conflict means that another process was faster; this many in a row mean a record that contradicts another. */
const MOST_ATTEMPTS = 100;

/** A version that is about to be written. */
export interface Draft extends Omit<ObjectVersion, "versionId" | "order" | "bytes" | "modifiedAt"> {
  /** Freshly stored bytes, bytes that another object has too, or bytes whose only owner goes in the same transaction. */
  readonly source:
    | { readonly kind: "fresh"; readonly ingested: Ingested }
    | { readonly kind: "shared"; readonly bytes: BytesReference }
    | { readonly kind: "moved"; readonly bytes: BytesReference };
  readonly parts?: readonly PartSummary[];
}

/** What must hold of the current version for a write to happen. */
export interface WriteConditions {
  /** An entity tag that the current version must have, or `*` for any. */
  readonly ifMatch?: string;
  /** `*`: there must be no current version. */
  readonly ifNoneMatch?: string;
}

/** What a deletion did. */
export interface Deletion {
  /** Of the delete marker that was added or removed, or of the version removed. */
  readonly versionId?: string;
  /** Whether a delete marker was added or removed. */
  readonly deleteMarker?: boolean;
}

/** How a change of one key came out: its writes, what they make of bytes on disk, and the result. */
interface Change<Result> {
  readonly writes: Write[];
  readonly dropped?: readonly BytesReference[];
  readonly result: Result;
}

type Current = StoredRecord<ObjectVersion> | undefined;

/** Objects and their versions: each change of a key is one transaction. */
export class Objects {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #buckets: Buckets;
  readonly #bytes: ByteStore;
  readonly #holds: Holds;
  readonly #locks: BucketLocks;
  readonly #order: VersionOrder;

  constructor(parts: {
    store: Store;
    clock: Clock;
    buckets: Buckets;
    bytes: ByteStore;
    holds: Holds;
    locks: BucketLocks;
  }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#buckets = parts.buckets;
    this.#bytes = parts.bytes;
    this.#holds = parts.holds;
    this.#locks = parts.locks;
    this.#order = new VersionOrder(parts.clock);
  }

  /** The current version, or the one asked for. @returns `undefined` when there is none. */
  async find(bucket: string, key: string, versionId?: string): Promise<AnyVersion | undefined> {
    const current = await this.#current(bucket, key);
    if (versionId === undefined || current?.value.versionId === versionId) return current?.value;
    return (await this.#version(bucket, key, versionId))?.value;
  }

  /**
   * @throws ServiceError `NoSuchKey` (with the headers that tell of a delete marker), `NoSuchVersion`,
   * `MethodNotAllowed` for a delete marker named by its version.
   */
  async get(bucket: string, key: string, versionId?: string): Promise<ObjectVersion> {
    const found = await this.find(bucket, key, versionId);
    if (found && !isDeleteMarker(found)) return found;
    if (found) throw markerNotAllowed(markerHeaders(found));
    if (versionId !== undefined) throw noSuchVersion(key, versionId);
    const { versioning } = await this.#buckets.get(bucket);
    const marker = versioning ? await this.#newest(bucket, key) : undefined;
    throw noSuchKey(key, marker && isDeleteMarker(marker.value) ? markerHeaders(marker.value) : undefined);
  }

  /**
   * Makes a draft the current version of a key, in one transaction with `also`.
   * @throws ServiceError `NoSuchBucket`, `PreconditionFailed`, `NoSuchKey` (the condition wanted a version, or a shared
   * source is gone). Freshly stored bytes are removed again when it throws.
   */
  async put(
    bucket: string,
    key: string,
    draft: Draft,
    { conditions = {}, also = [] }: { conditions?: WriteConditions; also?: readonly Write[] } = {},
  ): Promise<ObjectVersion> {
    const fresh = draft.source.kind === "fresh" ? draft.source.ingested : undefined;
    try {
      const made = await this.#change(bucket, key, async (record, current) => {
        requireConditions(key, conditions, current);
        const { source, parts, ...rest } = draft;
        const order = this.#order.next(current?.value.order);
        const value: ObjectVersion = {
          ...rest,
          versionId: record.versioning === "Enabled" ? order : "null",
          order,
          bytes: source.kind === "fresh" ? source.ingested.bytes : source.bytes,
          modifiedAt: this.#clock.now(),
        };
        const before = await this.#stepAside(bucket, key, record, current, "replace");
        const write: Write = current
          ? { op: "update", key: objectKey(bucket, key), version: current.version, value }
          : { op: "create", key: objectKey(bucket, key), value };
        const after: Change<ObjectVersion> = { ...before, writes: [...before.writes, write, ...also], result: value };
        const owner = await this.#own(source, parts);
        if (!owner) throw noSuchKey(key);
        return withOwner(after, owner);
      });
      this.#bytes.writeOutLater(made.bytes);
      return made;
    } catch (error) {
      // Only a refusal is certain to have written nothing; after a failed commit the sweep decides, which reads records.
      if (error instanceof ServiceError) await fresh?.discard();
      throw error;
    } finally {
      fresh?.settle();
    }
  }

  /** The write that makes bytes the new version's. @returns `undefined` when they are gone. */
  #own(source: Draft["source"], parts: readonly PartSummary[] | undefined): Promise<Write | undefined> {
    switch (source.kind) {
      case "fresh":
        return Promise.resolve(this.#bytes.adopt(source.ingested, parts));
      case "shared":
        return this.#bytes.addReference(source.bytes.id);
      case "moved":
        return this.#bytes.take(source.bytes.id, parts);
    }
  }

  /** Deletes the current version, or exactly the one named. Deleting what is not there succeeds, as in S3. */
  remove(bucket: string, key: string, versionId?: string, conditions: WriteConditions = {}): Promise<Deletion> {
    return this.#change(bucket, key, async (record, current) => {
      if (conditions.ifMatch !== undefined) requireConditions(key, conditions, current);
      if (versionId !== undefined) return this.#removeVersion(bucket, key, versionId, current);
      if (!record.versioning) {
        if (!current) return { writes: [], result: {} };
        return this.#drop(current, { result: {} });
      }
      const before = await this.#stepAside(bucket, key, record, current, "delete");
      const newest = current ?? (await this.#newest(bucket, key));
      const order = this.#order.next(newest?.value.order);
      const marker: DeleteMarker = {
        versionId: record.versioning === "Enabled" ? order : "null",
        order,
        modifiedAt: this.#clock.now(),
        deleteMarker: true,
      };
      const write: Write = { op: "create", key: versionKey(bucket, key, order), value: marker };
      return {
        writes: [...before.writes, write],
        ...(before.dropped && { dropped: before.dropped }),
        result: { versionId: marker.versionId, deleteMarker: true },
      };
    });
  }

  /** Changes what may change of a stored version: tags, retention. @throws as `get` does. */
  async amend(
    bucket: string,
    key: string,
    versionId: string | undefined,
    change: (before: ObjectVersion) => ObjectVersion,
  ): Promise<ObjectVersion> {
    const version = await this.get(bucket, key, versionId);
    return this.#change(bucket, key, async (_, current) => {
      const record =
        current?.value.order === version.order ? current : await this.#version(bucket, key, version.versionId);
      if (!record || isDeleteMarker(record.value)) throw noSuchKey(key);
      const value = change(record.value);
      return { writes: [{ op: "update", key: record, version: record.version, value }], result: value };
    });
  }

  /** Takes a key's turn, works out the change from what is there, and commits it, again if another process was faster. */
  #change<Result>(
    bucket: string,
    key: string,
    work: (bucket: Bucket, current: Current) => Promise<Change<Result>>,
  ): Promise<Result> {
    return this.#locks.writing(bucket, key, async () => {
      for (let attempt = 1; ; attempt++) {
        const change = await work(await this.#buckets.get(bucket), await this.#current(bucket, key));
        try {
          if (change.writes.length > 0) await this.#store.write(change.writes);
        } catch (error) {
          if (error instanceof WriteConflict && isOurs(error) && attempt < MOST_ATTEMPTS) continue;
          throw error;
        }
        for (const bytes of change.dropped ?? []) if (!this.#holds.isHeld(bytes.id)) await this.#bytes.erase(bytes);
        return change.result;
      }
    });
  }

  /** What happens to the version that is current until now: it is kept as an older one, or goes. */
  async #stepAside(
    bucket: string,
    key: string,
    { versioning }: Bucket,
    current: Current,
    then: "replace" | "delete",
  ): Promise<{ writes: Write[]; dropped?: readonly BytesReference[] }> {
    const goes = current && (!versioning || (versioning === "Suspended" && current.value.versionId === "null"));
    const writes: Write[] = [];
    const dropped: BytesReference[] = [];
    if (current && !goes) {
      writes.push({ op: "create", key: versionKey(bucket, key, current.value.order), value: current.value });
    }
    if (current && then === "delete") writes.push({ op: "delete", key: current, version: current.version });
    // With versioning suspended there is one null version: the new one takes its place wherever it stands.
    const old = goes ? current : versioning === "Suspended" ? await this.#version(bucket, key, "null") : undefined;
    if (old && !isDeleteMarker(old.value)) {
      const unshared = await this.#bytes.unshare(old.value.bytes);
      if (unshared) writes.push(unshared.write);
      if (unshared?.isLast) dropped.push(old.value.bytes);
    }
    if (old && old !== current) writes.push({ op: "delete", key: old, version: old.version });
    return { writes, dropped };
  }

  async #removeVersion(bucket: string, key: string, versionId: string, current: Current): Promise<Change<Deletion>> {
    if (current?.value.versionId === versionId) {
      const next = await this.#newest(bucket, key);
      return this.#drop(current, { result: { versionId }, ...(next && { promote: next }) });
    }
    const old = await this.#version(bucket, key, versionId);
    if (!old) return { writes: [], result: { versionId } };
    const result: Deletion = { versionId, ...(isDeleteMarker(old.value) && { deleteMarker: true }) };
    if (current) return this.#drop(old, { result });
    // Nothing is current, so the newest is a delete marker. If it goes, the version below it is current again.
    const [newest, next] = await this.#newestTwo(bucket, key);
    return this.#drop(old, { result, ...(newest?.name === old.name && next && { promote: next }) });
  }

  /** Deletes one record with its bytes; makes `promote`, the newest version left, current if it is an object. */
  async #drop<Result>(
    record: StoredRecord<AnyVersion>,
    { result, promote }: { result: Result; promote?: StoredRecord<AnyVersion> },
  ): Promise<Change<Result>> {
    const writes: Write[] = [];
    const dropped: BytesReference[] = [];
    if (!isDeleteMarker(record.value)) {
      const unshared = await this.#bytes.unshare(record.value.bytes);
      if (unshared) writes.push(unshared.write);
      if (unshared?.isLast) dropped.push(record.value.bytes);
    }
    const rises = promote && !isDeleteMarker(promote.value) ? promote : undefined;
    if (rises) writes.push({ op: "delete", key: rises, version: rises.version });
    if (record.kind === kinds.object && rises) {
      writes.push({ op: "update", key: record, version: record.version, value: rises.value });
    } else {
      writes.push({ op: "delete", key: record, version: record.version });
      if (rises) {
        const name = rises.name.slice(0, rises.name.lastIndexOf("\u0001\u0001"));
        writes.push({ op: "create", key: { ...rises, kind: kinds.object, name }, value: rises.value });
      }
    }
    return { writes, dropped, result };
  }

  #current(bucket: string, key: string): Promise<Current> {
    return this.#store.get<ObjectVersion>(objectKey(bucket, key));
  }

  /** An older version or a delete marker. */
  async #version(bucket: string, key: string, versionId: string): Promise<StoredRecord<AnyVersion> | undefined> {
    if (versionId !== "null") {
      if (!/^[0-9a-f]{32}$/.test(versionId)) return undefined;
      const found = await this.#store.get<AnyVersion>(versionKey(bucket, key, versionId));
      return found?.value.versionId === versionId ? found : undefined;
    }
    // The null version has no id of its own to look up; there is at most one.
    let after: string | undefined;
    for (;;) {
      const page = await this.#store.list<AnyVersion>({
        ...versions(bucket, key),
        limit: 1000,
        ...(after && { after }),
      });
      const found = page.records.find((record) => record.value.versionId === "null");
      after = page.records.at(-1)?.name;
      if (found || !page.next) return found;
    }
  }

  async #newest(bucket: string, key: string): Promise<StoredRecord<AnyVersion> | undefined> {
    return (await this.#store.list<AnyVersion>({ ...versions(bucket, key), limit: 1 })).records[0];
  }

  async #newestTwo(bucket: string, key: string): Promise<readonly StoredRecord<AnyVersion>[]> {
    return (await this.#store.list<AnyVersion>({ ...versions(bucket, key), limit: 2 })).records;
  }
}

function versions(bucket: string, key: string) {
  return { kind: kinds.version, account: "", region: "", prefix: versionsOf(bucket, key) };
}

function requireConditions(key: string, { ifMatch, ifNoneMatch }: WriteConditions, current: Current): void {
  if (ifNoneMatch !== undefined && current && (ifNoneMatch === "*" || sameTag(ifNoneMatch, current.value.etag))) {
    throw preconditionFailed("If-None-Match");
  }
  if (ifMatch === undefined) return;
  if (!current) throw noSuchKey(key);
  if (ifMatch !== "*" && !sameTag(ifMatch, current.value.etag)) throw preconditionFailed("If-Match");
}

/** Clients send entity tags with and without quotes. */
function sameTag(a: string, b: string): boolean {
  return a.replaceAll('"', "") === b.replaceAll('"', "");
}

function markerHeaders(marker: DeleteMarker): Record<string, string> {
  return { "x-amz-delete-marker": "true", "x-amz-version-id": marker.versionId };
}

/** Another writer changed what the change was worked out from: work it out again. Conditions of `also` are its caller's. */
function isOurs(conflict: WriteConflict): boolean {
  return conflict.key.kind !== kinds.upload && conflict.key.kind !== kinds.part;
}

/**
 * Adds the write that owns the new bytes. Replacing an object by a copy of itself both adds a reference to its bytes
 * and takes one away: the two writes of that record cancel out, and the bytes stay.
 */
function withOwner<Result>(change: Change<Result>, owner: Write): Change<Result> {
  const sameBytes = (write: Write) => write.key.kind === kinds.bytes && write.key.name === owner.key.name;
  if (!change.writes.some(sameBytes)) return { ...change, writes: [owner, ...change.writes] };
  return {
    ...change,
    writes: change.writes.filter((write) => !sameBytes(write)),
    dropped: (change.dropped ?? []).filter((bytes) => bytes.id !== owner.key.name),
  };
}
