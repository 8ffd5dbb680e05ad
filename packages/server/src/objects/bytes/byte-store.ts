import { existsSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { areBytesHeld } from "../../data-directory/object-bytes-lease.ts";
import type { FileLayer } from "../../durable/file-layer.ts";
import { nodeFileLayer } from "../../durable/file-layer.ts";
import { ServiceError } from "../../errors.ts";
import type { KeyManagement } from "../../kms/key-management.ts";
import { LocalKeys } from "../../kms/local-keys.ts";
import type { Store, Write } from "../../store/store.ts";
import { type DigestAlgorithm, DigestSet, type Digests } from "../checksums/digest-set.ts";
import { DigestThread } from "../checksums/digest-thread.ts";
import { loadXxHash } from "../checksums/xxhash.ts";
import { objectContext, type Seal } from "../encryption.ts";
import { bytesKey } from "../object-name.ts";
import type { BytesRecord, BytesReference, PartSummary } from "../object-records.ts";
import type { Draft } from "../objects.ts";
import { randomHex } from "../random-id.ts";
import { ByteFiles } from "./byte-files.ts";
import { type ByteSource, fileSource, streamSource } from "./byte-source.ts";
import { type Ingested, ingest, ingestedInline, ingestWhole } from "./ingest.ts";
import { sealedRange, sealStream, unsealStream } from "./sealed-bytes.ts";
import { UnsealedFiles } from "./unsealed-files.ts";
import { WrittenOutFiles } from "./written-out-files.ts";

/**
 * Objects up to this size ride in the store: their bytes are committed with their metadata in one group commit, which
 * saves two fsyncs and a folder entry. Measured with 16 writers: 4 KiB 2.9 times the rate of files, 16 KiB 1.9 times,
 * 32 KiB about equal, 64 KiB slower (docs/decisions/0030).
 */
export const INLINE_BYTES = 16 * 1024;

/** A range of bytes, both ends inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes by id, wherever they are: beside the records when small, else in immutable files. */
export class ByteStore {
  readonly files: ByteFiles;
  readonly keys: KeyManagement;
  readonly #unsealed: UnsealedFiles;
  readonly #store: Store;
  readonly #thread = new DigestThread();
  readonly #inlineBytes: number;
  /** Small objects as files, for jobs. */
  readonly #writtenOut: WrittenOutFiles;

  constructor(options: {
    store: Store;
    directory: string;
    /** Folder of a memory file system, for what is encrypted in the store and wanted as a file; not there until then. */
    memoryDirectory?: string;
    keys?: KeyManagement;
    layer?: FileLayer;
    inlineBytes?: number;
  }) {
    this.#store = options.store;
    this.keys = options.keys ?? new LocalKeys(undefined);
    this.#unsealed = new UnsealedFiles(options.memoryDirectory);
    this.files = new ByteFiles(options.directory, options.layer ?? nodeFileLayer);
    this.#inlineBytes = options.inlineBytes ?? INLINE_BYTES;
    this.#writtenOut = new WrittenOutFiles(join(options.directory, "written-out"), (id) => this.#inline(id));
  }

  async open(): Promise<void> {
    await this.files.open();
    await this.#writtenOut.open();
    await this.#unsealed.open();
  }

  async close(): Promise<void> {
    await this.#writtenOut.close();
    await this.#thread.close();
  }

  /**
   * Stores a stream without referring to it yet.
   * @param options.owned - Nobody else reads the stream's chunks: their memory is given back as they are taken in.
   * @param options.seal - Encrypts them. Digests are those of the bytes as they came.
   */
  ingest(
    body: AsyncIterable<Uint8Array>,
    algorithms: readonly DigestAlgorithm[],
    { owned = false, seal }: { owned?: boolean; seal?: Seal | undefined } = {},
  ): Promise<Ingested> {
    if (seal) return this.#ingestSealed(body, algorithms, seal);
    const parts = { files: this.files, thread: this.#thread, inlineBytes: this.#inlineBytes, owned };
    return ingest(body, algorithms, parts, newId);
  }

  async #ingestSealed(
    body: AsyncIterable<Uint8Array>,
    algorithms: readonly DigestAlgorithm[],
    { key, objectArn }: Seal,
  ): Promise<Ingested> {
    const { plaintext, wrapped } = this.keys.generateDataKey(key, objectContext(objectArn));
    await loadXxHash(algorithms);
    const digests = new DigestSet(algorithms);
    let sizeBytes = 0;
    const sealed = sealStream(body, plaintext, (plain) => {
      digests.update(plain);
      sizeBytes += plain.length;
    });
    const ingested = await this.ingest(sealed, [], { owned: true });
    return {
      ...ingested,
      bytes: { ...ingested.bytes, sizeBytes, sealed: { dataKey: wrapped.toString("base64"), objectArn } },
      digests: digests.end(),
    };
  }

  /** The same for a body that is in memory already; short, or it would stall the event loop. */
  ingestWhole(body: Buffer, algorithms: readonly DigestAlgorithm[], seal?: Seal): Promise<Ingested> {
    if (seal) return this.#ingestSealed(Readable.from([body], { objectMode: false }), algorithms, seal);
    return ingestWhole(body, algorithms, { files: this.files, inlineBytes: this.#inlineBytes }, newId);
  }

  /** The writes that make freshly stored bytes referred to, once. */
  adopt(ingested: Ingested, parts?: readonly PartSummary[]): Write {
    const { bytes, data } = ingested;
    const value: BytesRecord = {
      references: 1,
      sizeBytes: bytes.sizeBytes,
      ...(data !== undefined && { data }),
      ...(parts && { parts }),
    };
    return { op: "create", key: bytesKey(bytes.id), value };
  }

  /** What another object may hold of the same bytes: a reference to a file, a copy of inline bytes. Not for sealed ones. */
  async share(bytes: BytesReference): Promise<Draft["source"]> {
    if (!bytes.inline) return { kind: "shared", bytes };
    const copy = await this.#inline(bytes.id);
    return { kind: "fresh", ingested: ingestedInline(copy, newId(), {}) };
  }

  /** The write that adds a reference to a file. @returns `undefined` when it is gone. */
  addReference(id: string): Promise<Write | undefined> {
    return this.#amend(id, (before) => ({ ...before, references: before.references + 1 }));
  }

  /** The write that records how an object was put together, where the bytes change their only owner. */
  take(id: string, parts?: readonly PartSummary[]): Promise<Write | undefined> {
    return this.#amend(id, (before) => ({ ...before, ...(parts && { parts }) }));
  }

  async #amend(id: string, change: (before: BytesRecord) => BytesRecord): Promise<Write | undefined> {
    const key = bytesKey(id);
    const record = await this.#store.get<BytesRecord>(key);
    return record && { op: "update", key, version: record.version, value: change(record.value) };
  }

  /**
   * The write that takes a reference away, and whether it was the last. Inline bytes have only one owner, so that
   * replacing a small object need not read the old one.
   */
  async unshare({ id, inline }: BytesReference): Promise<{ write: Write; isLast: boolean } | undefined> {
    const key = bytesKey(id);
    if (inline) return { write: { op: "delete", key }, isLast: true };
    const record = await this.#store.get<BytesRecord>(key);
    if (!record) return undefined;
    const { version } = record;
    if (record.value.references <= 1) return { write: { op: "delete", key, version }, isLast: true };
    const value = { ...record.value, references: record.value.references - 1 };
    return { write: { op: "update", key, version, value }, isLast: false };
  }

  /** Removes what is on disk for bytes that no record refers to; during a backup that is left to a later sweep. */
  async erase(reference: BytesReference): Promise<void> {
    await this.#unsealed.remove(reference.id);
    if (!reference.inline) {
      if (!(await areBytesHeld(this.#store))) await this.files.remove(reference.id);
      return;
    }
    await this.#writtenOut.remove(reference.id);
  }

  /** The same for an id alone, if no record refers to it: the last holder let go of a deleted object. */
  async eraseUnreferenced(id: string): Promise<void> {
    // Nobody needs it as a file any more, whether the object is still there or not.
    await this.#unsealed.remove(id);
    if (await this.#store.get(bytesKey(id))) return;
    await this.erase({ id, sizeBytes: 0, inline: this.#writtenOut.has(id) });
  }

  /** Ids of objects that files hold beside the store: small ones, and those that were decrypted. */
  writtenOut(): readonly string[] {
    return [...this.#writtenOut.ids(), ...this.#unsealed.ids()];
  }

  /** The bytes, or a range of them, small ones in one piece. @throws ServiceError `NoSuchKey` when they are gone by now. */
  async read(reference: BytesReference, range?: ByteRange): Promise<Buffer | Readable> {
    const { start, end } = range ?? { start: 0, end: reference.sizeBytes - 1 };
    if (reference.sizeBytes === 0) return Buffer.alloc(0);
    if (reference.sealed) return this.#readSealed(reference, reference.sealed, { start, end });
    return this.#readStored(reference, { start, end });
  }

  async #readSealed(
    reference: BytesReference,
    { dataKey, objectArn }: NonNullable<BytesReference["sealed"]>,
    range: ByteRange,
  ): Promise<Buffer | Readable> {
    const { plaintext } = this.keys.decrypt(Buffer.from(dataKey, "base64"), objectContext(objectArn));
    const stored = await this.#readStored(reference, sealedRange(reference.sizeBytes, range));
    const chunks = Buffer.isBuffer(stored) ? Readable.from([stored], { objectMode: false }) : stored;
    const plain = unsealStream(chunks, plaintext, reference.sizeBytes, range);
    if (Buffer.isBuffer(stored)) return buffer(plain);
    return Readable.from(plain, { objectMode: false });
  }

  /** As they are in the store. */
  async #readStored(reference: BytesReference, { start, end }: ByteRange): Promise<Buffer | Readable> {
    if (reference.inline) return (await this.#inline(reference.id)).subarray(start, end + 1);
    return await this.#there(this.files.read(reference.id, start, end));
  }

  async #there<Opened>(opening: Promise<Opened>): Promise<Opened> {
    try {
      return await opening;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") throw vanished(error);
      throw error;
    }
  }

  /** The same, always as a stream. */
  async stream(reference: BytesReference, range?: ByteRange): Promise<Readable> {
    const found = await this.read(reference, range);
    return Buffer.isBuffer(found) ? Readable.from([found], { objectMode: false }) : found;
  }

  /** All of the bytes, to be read into memory of the reader's own. @throws ServiceError `NoSuchKey` when they are gone by now. */
  async source(reference: BytesReference): Promise<ByteSource> {
    const { id, sizeBytes } = reference;
    if (reference.inline || reference.sealed || sizeBytes === 0) {
      return streamSource(await this.stream(reference), sizeBytes);
    }
    return fileSource(await this.#there(this.files.file(id)), sizeBytes);
  }

  /** Digests of bytes that are stored already, computed off the event loop where they are many. */
  async digest(reference: BytesReference, algorithms: readonly DigestAlgorithm[]): Promise<Digests> {
    const found = await this.read(reference);
    if (Buffer.isBuffer(found)) {
      await loadXxHash(algorithms);
      const set = new DigestSet(algorithms);
      set.update(found);
      return set.end();
    }
    const digests = this.#thread.open(algorithms);
    const block = new Uint8Array(new SharedArrayBuffer(1024 * 1024));
    try {
      for await (const chunk of found as AsyncIterable<Buffer>) {
        block.set(chunk);
        await digests.update(block.subarray(0, chunk.length));
      }
      return await digests.end();
    } catch (error) {
      digests.abandon();
      throw error;
    }
  }

  async parts(id: string): Promise<readonly PartSummary[] | undefined> {
    return (await this.#store.get<BytesRecord>(bytesKey(id)))?.value.parts;
  }

  /**
   * Paths of files that hold the bytes, small ones written out first. Each reference must be held before. Where some are
   * encrypted, all come to lie in memory: what is decrypted touches no disk, and they stay together.
   * @throws ServiceError `NoSuchKey` when bytes are gone by now, `KMS.…` when they cannot be decrypted here.
   */
  async paths(references: readonly BytesReference[]): Promise<string[]> {
    if (references.some(({ sealed }) => sealed)) {
      return this.#unsealed.paths(references, (reference) => this.stream(reference));
    }
    await this.#writtenOut.write(references.filter(({ inline }) => inline));
    return references.map(({ id, inline }) => {
      if (inline) return this.#writtenOut.path(id);
      const path = this.files.path(id);
      if (!existsSync(path)) throw vanished();
      return path;
    });
  }

  /** Notes a small object that was committed, to write it out when there is time. */
  writeOutLater(reference: BytesReference): void {
    if (reference.inline && !reference.sealed) this.#writtenOut.writeLater(reference);
  }

  async #inline(id: string): Promise<Buffer> {
    const record = await this.#store.get<BytesRecord>(bytesKey(id));
    if (record?.value.data === undefined) throw vanished();
    return Buffer.from(record.value.data, "base64");
  }
}

/** Bytes that a record referred to a moment ago: the object was replaced or deleted meanwhile. */
function vanished(cause?: unknown): ServiceError {
  return new ServiceError("NoSuchKey", "The specified key does not exist.", { status: 404, cause });
}

function newId(): string {
  return randomHex(16);
}
