import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import { ServiceError } from "../errors.ts";
import type { Store, StoredRecord, Write } from "../store/store.ts";
import { WriteConflict } from "../store/store.ts";
import { noSuchUpload } from "./bucket-errors.ts";
import type { Bucket, Buckets } from "./buckets.ts";
import type { ByteStore } from "./bytes/byte-store.ts";
import type { Ingested } from "./bytes/ingest.ts";
import { type Crc, combineCrc } from "./checksums/combine.ts";
import { DigestSet } from "./checksums/digest-set.ts";
import { loadXxHash } from "./checksums/xxhash.ts";
import { encryptionFor, type Seal } from "./encryption.ts";
import { kinds, partKey, uploadKey } from "./object-name.ts";
import type { BytesReference, ObjectVersion, PartRecord, StoredChecksum, UploadRecord } from "./object-records.ts";
import type { Draft, Objects, WriteConditions } from "./objects.ts";

/** Every part but the last has at least this many bytes, as S3 has it. */
export const LEAST_PART_BYTES = 5 * 1024 * 1024;
export const MOST_PARTS = 10_000;
/** Deletions in one transaction when an upload's parts go. */
const PARTS_PER_WRITE = 500;

/** A part as the caller names it when the upload is completed. */
export interface ClaimedPart {
  readonly partNumber: number;
  readonly etag: string;
  /** Base64, when the caller checks it. */
  readonly checksum?: string;
}

export interface UploadId {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
}

/** Multipart uploads: parts in any order, put together when the upload is completed. */
export class Uploads {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #buckets: Buckets;
  readonly #bytes: ByteStore;
  readonly #objects: Objects;

  constructor(parts: { store: Store; clock: Clock; buckets: Buckets; bytes: ByteStore; objects: Objects }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#buckets = parts.buckets;
    this.#bytes = parts.bytes;
    this.#objects = parts.objects;
  }

  /** @throws ServiceError `NoSuchBucket`. */
  async begin(
    bucket: string,
    key: string,
    upload: Omit<UploadRecord, "uploadId" | "initiatedAt">,
  ): Promise<UploadRecord> {
    const { encryption: asked, ...described } = upload.attributes;
    const { encryption } = encryptionFor(this.#bytes.keys, await this.#buckets.get(bucket), key, asked);
    const initiatedAt = this.#clock.now();
    // Begins with the time, so that uploads of one key are listed oldest first.
    const uploadId = initiatedAt.toString(16).padStart(12, "0") + randomBytes(20).toString("hex");
    const attributes = { ...described, ...(encryption && { encryption }) };
    const value: UploadRecord = { ...upload, attributes, uploadId, initiatedAt };
    await this.#store.write([{ op: "create", key: uploadKey(bucket, key, uploadId), value }]);
    return value;
  }

  /** What the parts of an upload, and what becomes of them, are encrypted with: decided when it began. */
  sealOf(
    bucket: Bucket,
    key: string,
    { attributes: { encryption } }: Pick<UploadRecord, "attributes">,
  ): Seal | undefined {
    return encryption && encryptionFor(this.#bytes.keys, bucket, key, encryption).seal;
  }

  /** @throws ServiceError `NoSuchUpload`. */
  async get({ bucket, key, uploadId }: UploadId): Promise<StoredRecord<UploadRecord>> {
    const record = await this.#store.get<UploadRecord>(uploadKey(bucket, key, uploadId));
    if (!record) throw noSuchUpload(uploadId);
    return record;
  }

  /** Records a part, instead of an earlier one of the same number. @throws ServiceError `NoSuchUpload`. */
  async putPart(
    upload: UploadId,
    partNumber: number,
    { ingested, etag, checksum }: { ingested: Ingested; etag: string; checksum?: StoredChecksum },
  ): Promise<PartRecord> {
    const key = partKey(upload.uploadId, partNumber);
    const value: PartRecord = {
      partNumber,
      bytes: ingested.bytes,
      etag,
      modifiedAt: this.#clock.now(),
      ...(checksum && { checksum }),
    };
    try {
      for (;;) {
        const found = await this.get(upload);
        const before = await this.#store.get<PartRecord>(key);
        const dropped = before && (await this.#bytes.unshare(before.value.bytes));
        const writes: Write[] = [
          // Fails when the upload is completed or aborted meanwhile, so that no part is left behind.
          { op: "update", key: found, value: found.value },
          this.#bytes.adopt(ingested),
          before ? { op: "update", key, version: before.version, value } : { op: "create", key, value },
          ...(dropped ? [dropped.write] : []),
        ];
        try {
          await this.#store.write(writes);
        } catch (error) {
          if (error instanceof WriteConflict) continue;
          throw error;
        }
        if (before) await this.#bytes.erase(before.value.bytes);
        return value;
      }
    } catch (error) {
      if (error instanceof ServiceError) await ingested.discard();
      throw error;
    } finally {
      ingested.settle();
    }
  }

  /** Parts in order, after `after`. */
  async parts(uploadId: string, after = 0, limit = MOST_PARTS): Promise<PartRecord[]> {
    const found: PartRecord[] = [];
    let last = partKey(uploadId, after).name;
    while (found.length < limit) {
      const page = await this.#store.list<PartRecord>({
        kind: kinds.part,
        account: "",
        region: "",
        prefix: `${uploadId}/`,
        after: last,
        limit: Math.min(1000, limit - found.length),
      });
      for (const record of page.records) found.push(record.value);
      last = page.records.at(-1)?.name ?? last;
      if (!page.next) break;
    }
    return found;
  }

  /**
   * Makes the claimed parts one object. A crash leaves the upload or the object, never neither.
   * @throws ServiceError `NoSuchUpload`, `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `BadDigest` (the
   * checksum of the whole is not the one the caller expects), and as `Objects.put`.
   */
  async complete(
    id: UploadId,
    claimed: readonly ClaimedPart[],
    {
      conditions,
      expected,
    }: { conditions?: WriteConditions; expected?: (made: StoredChecksum | undefined) => void } = {},
  ): Promise<ObjectVersion> {
    const upload = await this.get(id);
    const parts = match(claimed, await this.parts(id.uploadId), id.uploadId);
    if (upload.value.checksumAlgorithm) await loadXxHash([upload.value.checksumAlgorithm]);
    const checksum = checksumOf(upload.value, parts);
    expected?.(checksum);
    const md5s = parts.map((part) => Buffer.from(part.etag.replaceAll('"', ""), "hex"));
    const draft: Draft = {
      source: await this.#join(parts, this.sealOf(await this.#buckets.get(id.bucket), id.key, upload.value)),
      etag: `"${createHash("md5").update(Buffer.concat(md5s)).digest("hex")}-${parts.length}"`,
      attributes: upload.value.attributes,
      partCount: parts.length,
      parts: parts.map(({ partNumber, bytes, checksum: own }) => ({
        partNumber,
        sizeBytes: bytes.sizeBytes,
        ...(own && { checksum: own.value }),
      })),
      ...(checksum && { checksum }),
    };
    // The only part's bytes become the object's, so its record goes with the upload; other parts go afterwards.
    const only = draft.source.kind === "moved" ? parts[0] : undefined;
    const also: Write[] = [{ op: "delete", key: uploadKey(id.bucket, id.key, id.uploadId) }];
    if (only) also.push({ op: "delete", key: partKey(id.uploadId, only.partNumber) });
    const version = await this.#objects
      .put(id.bucket, id.key, draft, { ...(conditions && { conditions }), also })
      .catch((error: unknown) => {
        if (error instanceof WriteConflict) throw noSuchUpload(id.uploadId);
        throw error;
      });
    await this.dropParts(id.uploadId);
    return version;
  }

  /** @throws ServiceError `NoSuchUpload`. */
  async abort(id: UploadId): Promise<void> {
    try {
      await this.#store.write([{ op: "delete", key: uploadKey(id.bucket, id.key, id.uploadId) }]);
    } catch (error) {
      if (error instanceof WriteConflict) throw noSuchUpload(id.uploadId);
      throw error;
    }
    await this.dropParts(id.uploadId);
  }

  /** Removes whatever parts are left of an upload that is over. */
  async dropParts(uploadId: string): Promise<void> {
    const parts = await this.parts(uploadId);
    for (let at = 0; at < parts.length; at += PARTS_PER_WRITE) {
      const some = parts.slice(at, at + PARTS_PER_WRITE);
      const writes: Write[] = [];
      for (const part of some) {
        writes.push({ op: "delete", key: partKey(uploadId, part.partNumber) });
        const unshared = await this.#bytes.unshare(part.bytes);
        if (unshared) writes.push(unshared.write);
      }
      await this.#store.write(writes);
      for (const part of some) await this.#bytes.erase(part.bytes);
    }
  }

  async #join(parts: readonly PartRecord[], seal: Seal | undefined): Promise<Draft["source"]> {
    const [only] = parts;
    if (only && parts.length === 1) return { kind: "moved", bytes: only.bytes };
    return {
      kind: "fresh",
      ingested: await this.#bytes.ingest(this.#read(parts.map((part) => part.bytes)), [], { seal }),
    };
  }

  async *#read(references: readonly BytesReference[]): AsyncGenerator<Uint8Array> {
    for (const reference of references) yield* await this.#bytes.stream(reference);
  }
}

/** The stored parts that the caller claims. @throws ServiceError when the claim does not fit. */
function match(claimed: readonly ClaimedPart[], stored: readonly PartRecord[], uploadId: string): PartRecord[] {
  const byNumber = new Map(stored.map((part) => [part.partNumber, part]));
  const parts: PartRecord[] = [];
  let last = 0;
  for (const claim of claimed) {
    if (claim.partNumber <= last) {
      throw new ServiceError(
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        { status: 400, members: { UploadId: uploadId } },
      );
    }
    last = claim.partNumber;
    const part = byNumber.get(claim.partNumber);
    const fits =
      part &&
      part.etag.replaceAll('"', "") === claim.etag.replaceAll('"', "") &&
      (claim.checksum === undefined || claim.checksum === part.checksum?.value);
    if (!fits) {
      throw new ServiceError(
        "InvalidPart",
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        { status: 400, members: { UploadId: uploadId, PartNumber: claim.partNumber, ETag: claim.etag } },
      );
    }
    parts.push(part);
  }
  const small = parts.find((part, at) => at < parts.length - 1 && part.bytes.sizeBytes < LEAST_PART_BYTES);
  if (small) {
    throw new ServiceError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", {
      status: 400,
      members: {
        ETag: small.etag,
        PartNumber: small.partNumber,
        ProposedSize: small.bytes.sizeBytes,
        MinSizeAllowed: LEAST_PART_BYTES,
      },
    });
  }
  return parts;
}

/**
 * The checksum of the whole. Composite: the digest of the parts' digests and their number. Full object: CRCs of parts
 * combine without reading a byte again.
 */
function checksumOf(upload: UploadRecord, parts: readonly PartRecord[]): StoredChecksum | undefined {
  const algorithm = upload.checksumAlgorithm;
  const values = parts.map((part) => part.checksum);
  if (!algorithm || !values.every((value) => value?.algorithm === algorithm)) return undefined;
  const digests = values.map((value) => Buffer.from((value as StoredChecksum).value, "base64"));
  if (upload.checksumType === "FULL_OBJECT") {
    let whole = digests[0] as Buffer;
    for (let at = 1; at < parts.length; at++) {
      whole = combineCrc(algorithm as Crc, whole, digests[at] as Buffer, (parts[at] as PartRecord).bytes.sizeBytes);
    }
    return { algorithm, type: "FULL_OBJECT", value: whole.toString("base64") };
  }
  const set = new DigestSet([algorithm]);
  set.update(Buffer.concat(digests));
  return { algorithm, type: "COMPOSITE", value: `${set.end()[algorithm]}-${parts.length}` };
}
