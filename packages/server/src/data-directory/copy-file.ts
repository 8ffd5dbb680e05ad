import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

const chunkBytes = 1024 * 1024;

/** What was copied. */
export interface Copied {
  readonly sizeBytes: number;
  /** Hexadecimal, of the bytes that were written. */
  readonly sha256: string;
  readonly mode: number;
}

/**
 * Copies a file and resolves when its bytes (not yet its name) survive power loss. A file that grows meanwhile is
 * copied as far as it is when its end is met.
 */
export async function copyFileSynced(from: string, to: string, mode?: number): Promise<Copied> {
  const source = await open(from, "r");
  try {
    const permissions = mode ?? (await source.stat()).mode & 0o777;
    // Created writable for us; the real mode comes last, as it may forbid writing.
    const target = await open(to, "wx", 0o600);
    try {
      const hash = createHash("sha256");
      const buffer = Buffer.allocUnsafe(chunkBytes);
      let sizeBytes = 0;
      for (;;) {
        const { bytesRead } = await source.read(buffer, 0, chunkBytes);
        if (bytesRead === 0) break;
        const chunk = buffer.subarray(0, bytesRead);
        hash.update(chunk);
        // Logs have holes where lines were dropped: the copy has them too.
        if (!isZero(chunk)) await writeAt(target, chunk, sizeBytes);
        sizeBytes += bytesRead;
      }
      await target.truncate(sizeBytes);
      await target.chmod(permissions);
      await target.sync();
      return { sizeBytes, sha256: hash.digest("hex"), mode: permissions };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

const zeros = Buffer.alloc(chunkBytes);

function isZero(chunk: Buffer): boolean {
  return chunk.compare(zeros, 0, chunk.length) === 0;
}

async function writeAt(target: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await target.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}
