import type { DigestAlgorithm, Digests } from "../checksums/digest-set.ts";
import { DigestSet } from "../checksums/digest-set.ts";
import type { DigestStream, DigestThread } from "../checksums/digest-thread.ts";
import { loadXxHash } from "../checksums/xxhash.ts";
import type { BytesReference } from "../object-records.ts";
import { BLOCK_BYTES, type Block, returnBlock, takeBlock } from "./blocks.ts";
import type { ByteFiles, PendingFile } from "./byte-files.ts";

/** Bytes that are stored but not yet referred to by a record. */
export interface Ingested {
  readonly bytes: BytesReference;
  /** Base64, when they are to ride in the store. */
  readonly data?: string;
  readonly digests: Digests;
  /** The record is committed: the file is no longer only ours. */
  settle(): void;
  /** No record will refer to it. */
  discard(): Promise<void>;
}

/** Bodies up to this size are hashed where they arrive: half a millisecond of MD5 costs less than asking another thread. */
export const HASHED_HERE_BYTES = 256 * 1024;
/** Blocks of one upload between the socket and the disk: what an upload may hold in memory. */
const BLOCKS_IN_FLIGHT = 8;
/** After this many bytes the disk starts writing while the network still delivers. */
const SYNC_EVERY_BYTES = 32 * BLOCK_BYTES;

/**
 * Takes a stream in: bodies up to `inlineBytes` are kept for the record, longer ones go to a file block by block while
 * another thread hashes the same shared memory. At most 8 MiB of a body are in memory at any time.
 */
export async function ingest(
  body: AsyncIterable<Uint8Array>,
  algorithms: readonly DigestAlgorithm[],
  parts: { files: ByteFiles; thread: DigestThread; inlineBytes: number; owned: boolean },
  newId: () => string,
): Promise<Ingested> {
  const { files, thread, inlineBytes, owned } = parts;
  const iterator = body[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let size = 0;
  while (size <= Math.max(inlineBytes, HASHED_HERE_BYTES)) {
    const { done, value } = await iterator.next();
    if (done) return ingestWhole(Buffer.concat(head, size), algorithms, { files, inlineBytes }, newId);
    head.push(value);
    size += value.byteLength;
  }
  const file = await files.create();
  const digests = algorithms.length > 0 ? thread.open(algorithms) : undefined;
  const writer = new BlockWriter(file, digests);
  try {
    for (const chunk of head.splice(0)) {
      await writer.push(chunk);
      if (owned) release(chunk);
    }
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) break;
      await writer.push(value);
      if (owned) release(value);
    }
    await writer.end();
    const [values] = await Promise.all([digests?.end() ?? {}, file.publish()]);
    return published(file, writer.sizeBytes, values);
  } catch (error) {
    await writer.quiesce();
    digests?.abandon();
    await file.abandon();
    // The source may hold a socket or a file open.
    await iterator.return?.().catch(() => {});
    throw error;
  }
}

/** The same for bytes that are already in memory. */
export async function ingestWhole(
  bytes: Buffer,
  algorithms: readonly DigestAlgorithm[],
  { files, inlineBytes }: { files: ByteFiles; inlineBytes: number },
  newId: () => string,
): Promise<Ingested> {
  await loadXxHash(algorithms);
  const set = new DigestSet(algorithms);
  set.update(bytes);
  const digests = set.end();
  if (bytes.length <= inlineBytes) return ingestedInline(bytes, newId(), digests);
  const file = await files.create();
  try {
    await file.write(bytes);
    await file.publish();
    return published(file, bytes.length, digests);
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

/** Bytes that are to be committed with their record: nothing is on disk before. */
export function ingestedInline(bytes: Buffer, id: string, digests: Digests): Ingested {
  return {
    bytes: { id, sizeBytes: bytes.length, inline: true },
    data: bytes.toString("base64"),
    digests,
    settle() {},
    discard: async () => {},
  };
}

function published(file: PendingFile, sizeBytes: number, digests: Digests): Ingested {
  return {
    bytes: { id: file.id, sizeBytes, inline: false },
    digests,
    settle: () => file.settle(),
    discard: () => file.abandon(),
  };
}

/**
 * Gives a chunk's memory back at once. Left to the garbage collector, the network's buffers of one 64 MiB upload bring
 * about several full collections, which cost as much as receiving it.
 */
function release(chunk: Uint8Array): void {
  const { buffer } = chunk;
  // A chunk that is part of something larger (a pool) leaves the rest alone.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength) buffer.transfer(0);
}

/** Gathers chunks into blocks of shared memory that the disk and the digests read at the same time. */
class BlockWriter {
  sizeBytes = 0;
  readonly #file: PendingFile;
  readonly #digests: DigestStream | undefined;
  readonly #busy: Promise<Block>[] = [];
  #blocks = 0;
  #current: Block | undefined;
  #filled = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  #sync: Promise<void> | undefined;
  #syncedAt = 0;
  #failure: unknown;

  constructor(file: PendingFile, digests: DigestStream | undefined) {
    this.#file = file;
    this.#digests = digests;
  }

  async push(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.byteLength; ) {
      this.#current ??= await this.#block();
      const room = Math.min(BLOCK_BYTES - this.#filled, chunk.byteLength - offset);
      this.#current.set(chunk.subarray(offset, offset + room), this.#filled);
      offset += room;
      this.#filled += room;
      this.sizeBytes += room;
      if (this.#filled === BLOCK_BYTES) this.#flush();
    }
  }

  async end(): Promise<void> {
    if (this.#filled > 0) this.#flush();
    for (const block of await Promise.all(this.#busy.splice(0))) returnBlock(block);
    await this.#sync;
    // A failed fsync may have dropped the pages: a later one that succeeds proves nothing.
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when nothing touches the file any more, whatever came of it. */
  async quiesce(): Promise<void> {
    await Promise.allSettled([...this.#busy, this.#lastWrite, this.#sync]);
  }

  #flush(): void {
    const block = this.#current as Block;
    const bytes = block.subarray(0, this.#filled);
    this.#current = undefined;
    this.#filled = 0;
    // Writes append, so each waits for the one before; hashing keeps its own order.
    this.#lastWrite = this.#lastWrite.then(() => this.#file.write(bytes));
    this.#lastWrite.catch(() => {});
    const done = Promise.all([this.#lastWrite, this.#digests?.update(bytes)]).then(() => block);
    // Observed by whoever takes the block next, or by `end`.
    done.catch(() => {});
    this.#busy.push(done);
    if (this.sizeBytes - this.#syncedAt >= SYNC_EVERY_BYTES && !this.#sync) {
      this.#syncedAt = this.sizeBytes;
      this.#sync = this.#lastWrite
        .then(() => this.#file.sync())
        .catch((error: unknown) => {
          this.#failure = error;
        })
        .finally(() => {
          this.#sync = undefined;
        });
    }
  }

  async #block(): Promise<Block> {
    if (this.#blocks < BLOCKS_IN_FLIGHT) {
      this.#blocks++;
      return takeBlock();
    }
    return (await this.#busy.shift()) as Block;
  }
}
