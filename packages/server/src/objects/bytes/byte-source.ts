import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";

/** Bytes that are read into memory of the reader's own: who reads much need not allocate much. */
export interface ByteSource {
  /** How many there are in all; `undefined` where that is not known. */
  readonly sizeBytes: number | undefined;
  /** Fills the beginning of `into`, which must not be empty. @returns How many bytes came; 0 at the end. */
  read(into: Uint8Array): Promise<number>;
  /** Safe to repeat. */
  close(): Promise<void>;
}

/** The bytes of a whole file, which is closed with the source. */
export function fileSource(file: FileHandle, sizeBytes: number): ByteSource {
  let isOpen = true;
  return {
    sizeBytes,
    read: async (into) => (await file.read(into, 0, into.length, null)).bytesRead,
    async close() {
      if (!isOpen) return;
      isOpen = false;
      await file.close();
    },
  };
}

/** The bytes of a stream, which is destroyed with the source. */
export function streamSource(stream: Readable, sizeBytes?: number): ByteSource {
  const pieces = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let left: Buffer = Buffer.alloc(0);
  return {
    sizeBytes,
    async read(into) {
      while (left.length === 0) {
        const next = await pieces.next();
        if (next.done === true) return 0;
        left = next.value;
      }
      const count = Math.min(left.length, into.length);
      into.set(left.subarray(0, count));
      left = left.subarray(count);
      return count;
    },
    async close() {
      stream.destroy();
    },
  };
}
