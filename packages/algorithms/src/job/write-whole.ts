import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Writes a file of a model or a checkpoint: visible whole or not at all, and durable before it replaces an earlier one.
 * @param parts - What the file holds, one after the other.
 */
export async function writeWhole(directory: string, name: string, parts: Iterable<string | Uint8Array>): Promise<void> {
  const { durable } = await beginWhole(directory, name, parts);
  await durable;
}

/**
 * The same for who has other things to do meanwhile: once it resolves, the parts may change. The file is there when `durable`
 * resolves.
 */
export async function beginWhole(
  directory: string,
  name: string,
  parts: Iterable<string | Uint8Array>,
): Promise<{ readonly durable: Promise<void> }> {
  const fresh = join(directory, `.${name}.new`);
  const file = await open(fresh, "w");
  try {
    await writeParts(file, parts);
  } catch (error) {
    await discard(file, fresh);
    throw error;
  }
  return { durable: replace(file, fresh, join(directory, name)) };
}

async function replace(file: FileHandle, fresh: string, path: string): Promise<void> {
  try {
    await file.sync();
    await file.close();
    await rename(fresh, path);
  } catch (error) {
    await discard(file, fresh);
    throw error;
  }
}

/** A full disk must not keep the half that fitted. */
async function discard(file: FileHandle, fresh: string): Promise<void> {
  await file.close();
  await rm(fresh, { force: true });
}

/** Small parts are written together: each call takes as long as writing some 100 kB. */
const togetherBytes = 1024 * 1024;

async function writeParts(file: FileHandle, parts: Iterable<string | Uint8Array>): Promise<void> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  const flush = async () => {
    if (bytes > 0) await writeAll(file, waiting, bytes);
    waiting = [];
    bytes = 0;
  };
  for (const part of parts) {
    const data = typeof part === "string" ? Buffer.from(part) : part;
    if (bytes > 0 && bytes + data.length > togetherBytes) await flush();
    waiting.push(data);
    bytes += data.length;
    if (bytes >= togetherBytes) await flush();
  }
  await flush();
}

async function writeAll(file: FileHandle, parts: readonly Uint8Array[], bytes: number): Promise<void> {
  const { bytesWritten } = await file.writev(parts);
  // A disk that filled up takes a part and says so; the next try says why.
  if (bytesWritten < bytes) await file.writeFile(Buffer.concat(parts).subarray(bytesWritten));
}
