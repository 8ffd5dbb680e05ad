import { createCipheriv, createDecipheriv } from "node:crypto";
import { ServiceError } from "../../errors.ts";
import type { ByteRange } from "./byte-store.ts";

/**
 * The form of encrypted bytes: blocks of 64 KiB, each encrypted and authenticated by itself (AES-256-GCM), so that a range
 * is read without the rest. The nonce of a block is its number and whether it is the last, which is the STREAM construction:
 * blocks cannot be swapped, left out or cut off. Every object has a data key of its own, so that no nonce comes twice.
 */
const plainBlock = 64 * 1024;
const tagBytes = 16;
const sealedBlock = plainBlock + tagBytes;
const algorithm = "aes-256-gcm";

/** @see Hoang, Reyhanitabar, Rogaway, Vizar (2015), Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance. */
function nonce(block: number, isLast: boolean): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUIntBE(block, 5, 6);
  bytes[11] = isLast ? 1 : 0;
  return bytes;
}

/** Encrypts a stream. @param onPlain - Sees what goes in, block by block. */
export async function* sealStream(
  body: AsyncIterable<Uint8Array>,
  dataKey: Uint8Array,
  onPlain: (bytes: Buffer) => void,
): AsyncGenerator<Buffer> {
  const pending = Buffer.alloc(plainBlock);
  let filled = 0;
  let block = 0;
  const sealed = (isLast: boolean): Buffer => {
    const plain = pending.subarray(0, filled);
    onPlain(plain);
    const cipher = createCipheriv(algorithm, dataKey, nonce(block++, isLast));
    filled = 0;
    const bytes = cipher.update(plain);
    cipher.final(); // has no bytes: it makes the tag
    return Buffer.concat([bytes, cipher.getAuthTag()]);
  };
  for await (const chunk of body) {
    for (let at = 0; at < chunk.byteLength; ) {
      // Only when more follows is it known that the full block is not the last.
      if (filled === plainBlock) yield sealed(false);
      const size = Math.min(plainBlock - filled, chunk.byteLength - at);
      pending.set(chunk.subarray(at, at + size), filled);
      filled += size;
      at += size;
    }
  }
  yield sealed(true);
}

/** Which sealed bytes hold a range of plain ones. @param sizeBytes - Of the whole, plain. */
export function sealedRange(sizeBytes: number, { start, end }: ByteRange): ByteRange {
  const first = Math.floor(start / plainBlock);
  const last = Math.floor(end / plainBlock);
  const isLast = last === blockCount(sizeBytes) - 1;
  const sealedEnd = isLast ? sizeBytes + blockCount(sizeBytes) * tagBytes : (last + 1) * sealedBlock;
  return { start: first * sealedBlock, end: sealedEnd - 1 };
}

function blockCount(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / plainBlock));
}

/**
 * Decrypts the blocks that {@link sealedRange} names, and gives the range of plain bytes in pieces.
 * @throws ServiceError `InternalError` when they are not what was stored.
 */
export async function* unsealStream(
  sealed: AsyncIterable<Uint8Array>,
  dataKey: Uint8Array,
  sizeBytes: number,
  { start, end }: ByteRange,
): AsyncGenerator<Buffer> {
  const last = blockCount(sizeBytes) - 1;
  let block = Math.floor(start / plainBlock);
  const pending = Buffer.alloc(sealedBlock);
  let filled = 0;
  const open = (sealedBytes: Uint8Array): Buffer => {
    const plain = unsealBlock(sealedBytes, dataKey, block, block === last);
    const offset = block * plainBlock;
    block++;
    filled = 0;
    return plain.subarray(Math.max(0, start - offset), Math.min(plain.length, end + 1 - offset));
  };
  for await (const chunk of sealed) {
    for (let at = 0; at < chunk.byteLength; ) {
      const size = Math.min(sealedBlock - filled, chunk.byteLength - at);
      const part = chunk.subarray(at, at + size);
      at += size;
      if (size === sealedBlock) {
        yield open(part); // whole as it is
        continue;
      }
      pending.set(part, filled);
      filled += size;
      if (filled === sealedBlock) yield open(pending);
    }
  }
  if (filled > 0) yield open(pending.subarray(0, filled));
  // A file that was cut short ends before its last block, which alone says that it is the last.
  if (block <= Math.floor(end / plainBlock)) throw damaged();
}

function unsealBlock(bytes: Uint8Array, dataKey: Uint8Array, block: number, isLast: boolean): Buffer {
  if (bytes.length < tagBytes) throw damaged();
  const decipher = createDecipheriv(algorithm, dataKey, nonce(block, isLast), { authTagLength: tagBytes });
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
  try {
    const plain = decipher.update(bytes.subarray(0, bytes.length - tagBytes));
    decipher.final(); // has no bytes: it is the check
    return plain;
  } catch (cause) {
    throw damaged(cause);
  }
}

function damaged(cause?: unknown): ServiceError {
  return new ServiceError("InternalError", "The stored bytes of an encrypted object are damaged.", {
    status: 500,
    cause,
  });
}
