import { randomUUID } from "node:crypto";
import type { ByteStore } from "../objects/bytes/byte-store.ts";
import type { Ingested } from "../objects/bytes/ingest.ts";
import type { BytesReference } from "../objects/object-records.ts";
import type { Store, StoredRecord, Write } from "../store/store.ts";
import { WriteConflict } from "../store/store.ts";
import type { Blobs } from "./blobs.ts";
import { hexOf } from "./digest.ts";
import { allRecords } from "./record-pages.ts";
import { RegistryError } from "./registry-error.ts";
import {
  kinds,
  type RegistryPlace,
  type Repository,
  type UploadPartRecord,
  type UploadRecord,
  uploadKey,
  uploadPartKey,
} from "./registry-records.ts";

/** The largest blob, as ECR has it (52 GB). */
export const LARGEST_BLOB_BYTES = 52_000_000_000;
/** Chunks of one upload: clients send one, or chunks of some megabytes. */
const MOST_PARTS = 10_000;

/**
 * Uploads of blobs: one request or many, resumed where the last whole request ended. Each request's bytes are an
 * immutable file from the moment they are acknowledged; an upload of one request becomes the blob without a copy.
 */
export class BlobUploads {
  readonly #store: Store;
  readonly #bytes: ByteStore;
  readonly #blobs: Blobs;

  constructor({ store, bytes, blobs }: { store: Store; bytes: ByteStore; blobs: Blobs }) {
    this.#store = store;
    this.#bytes = bytes;
    this.#blobs = blobs;
  }

  /** @returns The upload's id. */
  async begin(repository: Repository): Promise<string> {
    const uploadId = randomUUID();
    const value: UploadRecord = { repositoryId: repository.value.id, sizeBytes: 0, parts: 0 };
    await this.#store.write([{ op: "create", key: uploadKey(repository.place, uploadId), value }]);
    return uploadId;
  }

  /** @throws RegistryError `BLOB_UPLOAD_UNKNOWN`. */
  async get(repository: Repository, uploadId: string): Promise<StoredRecord<UploadRecord>> {
    const record = await this.#store.get<UploadRecord>(uploadKey(repository.place, uploadId));
    if (record?.value.repositoryId !== repository.value.id) throw unknownUpload(uploadId);
    return record;
  }

  /**
   * Takes the next bytes in.
   * @param start - Where the client believes to be, if it said.
   * @returns How many bytes the upload has now.
   * @throws RegistryError `RANGE_INVALID` when it is elsewhere, `SIZE_INVALID`, `BLOB_UPLOAD_UNKNOWN`.
   */
  async append(
    repository: Repository,
    uploadId: string,
    body: AsyncIterable<Uint8Array>,
    start?: number,
  ): Promise<number> {
    const upload = await this.get(repository, uploadId);
    const { sizeBytes, parts } = upload.value;
    if (start !== undefined && start !== sizeBytes) throw elsewhere(sizeBytes);
    if (parts >= MOST_PARTS) throw new RegistryError("SIZE_INVALID", `An upload has at most ${MOST_PARTS} chunks.`);
    const ingested = await this.#bytes.ingest(limited(body, LARGEST_BLOB_BYTES - sizeBytes), ["SHA256"], {
      owned: true,
    });
    const added = ingested.bytes.sizeBytes;
    if (added === 0) {
      await ingested.discard();
      return sizeBytes;
    }
    const part: UploadPartRecord = { bytes: ingested.bytes, sha256: hexOf(ingested.digests.SHA256 as string) };
    const value: UploadRecord = { ...upload.value, sizeBytes: sizeBytes + added, parts: parts + 1 };
    try {
      await this.#store.write([
        { op: "update", key: upload, version: upload.version, value },
        { op: "create", key: uploadPartKey(repository.place, uploadId, parts), value: part },
        this.#bytes.adopt(ingested),
      ]);
    } catch (error) {
      await ingested.discard();
      // Another request of this upload was faster, or it was cancelled.
      if (error instanceof WriteConflict) throw elsewhere((await this.get(repository, uploadId)).value.sizeBytes);
      throw error;
    }
    ingested.settle();
    return value.sizeBytes;
  }

  /**
   * Makes what was uploaded a blob of the repository.
   * @throws RegistryError `DIGEST_INVALID` when the bytes are others; the upload goes on.
   */
  async complete(repository: Repository, uploadId: string, digest: string): Promise<void> {
    const upload = await this.get(repository, uploadId);
    const parts = await this.#parts(repository, uploadId, upload.value.parts);
    const { key: only, value: single } = parts.length === 1 ? (parts[0] as Part) : {};
    const end: Write = { op: "delete", key: upload, version: upload.version };
    try {
      if (only && single) {
        if (`sha256:${single.sha256}` !== digest) throw otherDigest(digest, `sha256:${single.sha256}`);
        await this.#blobs.add(repository, digest, {
          kind: "moved",
          bytes: single.bytes,
          also: [end, { op: "delete", key: only }],
        });
        return;
      }
      const joined = await this.#bytes.ingest(this.#read(parts.map(({ value }) => value.bytes)), ["SHA256"]);
      await this.addChecked(repository, digest, joined, [end]);
    } catch (error) {
      if (error instanceof WriteConflict) throw unknownUpload(uploadId, error);
      throw error;
    }
    await this.dropParts(repository.place, uploadId);
  }

  /** Adds bytes that must have the digest. @throws RegistryError `DIGEST_INVALID`; nothing is kept then. */
  async addChecked(
    repository: Repository,
    digest: string,
    ingested: Ingested,
    also: readonly Write[] = [],
  ): Promise<void> {
    const found = `sha256:${hexOf(ingested.digests.SHA256 as string)}`;
    if (found !== digest) {
      await ingested.discard();
      throw otherDigest(digest, found);
    }
    try {
      await this.#blobs.add(repository, digest, { kind: "fresh", ingested, also });
    } catch (error) {
      await ingested.discard();
      throw error;
    }
  }

  /** The whole of a blob in one request. @throws RegistryError `DIGEST_INVALID`, `SIZE_INVALID`. */
  async addWhole(repository: Repository, digest: string, body: AsyncIterable<Uint8Array>): Promise<void> {
    const ingested = await this.#bytes.ingest(limited(body, LARGEST_BLOB_BYTES), ["SHA256"], { owned: true });
    await this.addChecked(repository, digest, ingested);
  }

  /** @throws RegistryError `BLOB_UPLOAD_UNKNOWN`. */
  async cancel(repository: Repository, uploadId: string): Promise<void> {
    const { version, value } = await this.get(repository, uploadId);
    const key = uploadKey(repository.place, uploadId);
    try {
      await this.#store.write([{ op: "delete", key, version }]);
    } catch (error) {
      if (error instanceof WriteConflict) throw unknownUpload(uploadId, error);
      throw error;
    }
    if (value.parts > 0) await this.dropParts(repository.place, uploadId);
  }

  /** Removes whatever parts are left of an upload that is over. */
  async dropParts({ account, region }: RegistryPlace, uploadId: string): Promise<void> {
    const query = { kind: kinds.uploadPart, account, region, prefix: `${uploadId}/` };
    for await (const { name, value } of allRecords<UploadPartRecord>(this.#store, query)) {
      const unshared = await this.#bytes.unshare(value.bytes);
      const key = { account, region, kind: kinds.uploadPart, name };
      await this.#store.write([{ op: "delete", key }, ...(unshared ? [unshared.write] : [])]);
      await this.#bytes.erase(value.bytes);
    }
  }

  async #parts(repository: Repository, uploadId: string, count: number): Promise<Part[]> {
    const parts: Part[] = [];
    for (let number = 0; number < count; number++) {
      const key = uploadPartKey(repository.place, uploadId, number);
      const record = await this.#store.get<UploadPartRecord>(key);
      if (!record) throw unknownUpload(uploadId);
      parts.push({ key, value: record.value });
    }
    return parts;
  }

  async *#read(references: readonly BytesReference[]): AsyncGenerator<Uint8Array> {
    for (const reference of references) yield* await this.#bytes.stream(reference);
  }
}

interface Part {
  readonly key: ReturnType<typeof uploadPartKey>;
  readonly value: UploadPartRecord;
}

async function* limited(body: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array> {
  let left = most;
  for await (const chunk of body) {
    left -= chunk.byteLength;
    if (left < 0) throw new RegistryError("SIZE_INVALID", `A blob has at most ${LARGEST_BLOB_BYTES} bytes.`);
    yield chunk;
  }
}

function unknownUpload(uploadId: string, cause?: unknown): RegistryError {
  return new RegistryError("BLOB_UPLOAD_UNKNOWN", `There is no upload ${uploadId} of this repository.`, { cause });
}

function otherDigest(expected: string, found: string): RegistryError {
  return new RegistryError("DIGEST_INVALID", `The uploaded bytes are ${found}, not ${expected}.`);
}

/** Tells a client that is at the wrong place where the upload is. */
function elsewhere(sizeBytes: number): RegistryError {
  return new RegistryError("RANGE_INVALID", `The upload has ${sizeBytes} bytes: the next chunk begins there.`, {
    headers: { range: uploadRange(sizeBytes) },
  });
}

/** The `Range` header of an upload: first and last byte, `0-0` also when there is none yet. */
export function uploadRange(sizeBytes: number): string {
  return `0-${Math.max(0, sizeBytes - 1)}`;
}
