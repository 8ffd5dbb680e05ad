import type { Readable } from "node:stream";
import type { ByteRange } from "../objects/bytes/byte-store.ts";
import type { Ingested } from "../objects/bytes/ingest.ts";
import type { BytesReference } from "../objects/object-records.ts";
import type { StoredRecord, Write } from "../store/store.ts";
import { WriteConflict } from "../store/store.ts";
import type { RegistryParts } from "./registry-parts.ts";
import { type BlobRecord, blobKey, linkKey, type Repository } from "./registry-records.ts";

/** Blobs that no manifest refers to stay this long, so that a client has time to push the manifest. */
export const UNREFERENCED_BLOB_MS = 24 * 3600_000;

/** Where a new blob's bytes come from: fresh, or an upload's only part, whose record goes in the same transaction. */
export type BlobSource =
  | { readonly kind: "fresh"; readonly ingested: Ingested; readonly also?: readonly Write[] }
  | { readonly kind: "moved"; readonly bytes: BytesReference; readonly also: readonly Write[] };

/** Layers and configurations: bytes by digest, visible in the repositories that they were pushed or mounted to. */
export class Blobs {
  readonly #parts: RegistryParts;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  /** Where the bytes are, when this repository has the blob. */
  async find(repository: Repository, digest: string): Promise<BytesReference | undefined> {
    const link = await this.#parts.store.get(linkKey(repository, digest));
    if (!link) return undefined;
    const blob = await this.#parts.store.get<BlobRecord>(blobKey(repository.place, digest));
    return blob?.value.bytes;
  }

  /**
   * The same for a client that may rely on the answer and push a manifest without pushing the blob again: one that
   * collection would take soon stays for another while.
   */
  async findAndKeep(repository: Repository, digest: string): Promise<BytesReference | undefined> {
    const key = linkKey(repository, digest);
    const link = await this.#parts.store.get(key);
    if (!link) return undefined;
    if (this.#parts.clock.now() - link.modifiedAt > UNREFERENCED_BLOB_MS / 2) {
      // Whatever the conflict (it went, or somebody else kept it), what is found now is the answer.
      await this.#written([{ op: "update", key, version: link.version, value: {} }], key.name);
    }
    return this.find(repository, digest);
  }

  read(bytes: BytesReference, range?: ByteRange): Promise<Readable> {
    return this.#parts.bytes.stream(bytes, range);
  }

  /** Makes a blob of another repository of the same registry visible in this one. @returns Whether there is one. */
  async mount(to: Repository, from: Repository, digest: string): Promise<boolean> {
    for (;;) {
      if (!(await this.find(from, digest))) return false;
      const key = blobKey(to.place, digest);
      const blob = await this.#parts.store.get<BlobRecord>(key);
      if (!blob) return false;
      if (await this.#written(this.#linking(to, digest, blob))) return true;
    }
  }

  /** Adds a blob to a repository; bytes that the registry has already are kept once. */
  async add(repository: Repository, digest: string, source: BlobSource): Promise<void> {
    const key = blobKey(repository.place, digest);
    const also = source.also ?? [];
    for (;;) {
      const known = await this.#parts.store.get<BlobRecord>(key);
      if (known) {
        const dropped = source.kind === "moved" ? await this.#parts.bytes.unshare(source.bytes) : undefined;
        const writes = [...this.#linking(repository, digest, known), ...also, ...(dropped ? [dropped.write] : [])];
        if (!(await this.#written(writes))) continue;
        if (source.kind === "moved") await this.#parts.bytes.erase(source.bytes);
        else await source.ingested.discard();
        return;
      }
      const bytes = source.kind === "moved" ? source.bytes : source.ingested.bytes;
      const writes: Write[] = [
        { op: "create", key, value: { bytes } satisfies BlobRecord },
        { op: "put", key: linkKey(repository, digest), value: {} },
        ...(source.kind === "fresh" ? [this.#parts.bytes.adopt(source.ingested)] : []),
        ...also,
      ];
      if (!(await this.#written(writes, key.name))) continue;
      if (source.kind === "fresh") source.ingested.settle();
      return;
    }
  }

  /** The blob's version rises with each new link, which fails a collection that saw it without. */
  #linking(repository: Repository, digest: string, blob: StoredRecord<BlobRecord>): Write[] {
    const { place } = repository;
    return [
      { op: "update", key: blobKey(place, digest), version: blob.version, value: blob.value },
      { op: "put", key: linkKey(repository, digest), value: {} },
    ];
  }

  /** @returns False where the blob itself changed meanwhile: look again. Other conflicts are the caller's. */
  async #written(writes: readonly Write[], blobName = writes[0]?.key.name): Promise<boolean> {
    try {
      await this.#parts.store.write(writes);
      return true;
    } catch (error) {
      if (error instanceof WriteConflict && error.key.name === blobName) return false;
      throw error;
    }
  }
}
