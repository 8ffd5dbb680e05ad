import type { Clock } from "../clock.ts";
import { areBytesHeld } from "../data-directory/object-bytes-lease.ts";
import type { Store } from "../store/store.ts";
import type { ByteStore } from "./bytes/byte-store.ts";
import type { Holds } from "./holds.ts";
import { bytesKey, keyOfName, kinds } from "./object-name.ts";
import type { PartRecord, UploadRecord } from "./object-records.ts";
import type { Uploads } from "./uploads.ts";

/** Incomplete uploads are kept this long after they began. */
export const UPLOAD_RETENTION_MS = 7 * 24 * 3600 * 1000;

/** What a sweep removed. */
export interface Swept {
  readonly files: number;
  readonly uploads: number;
}

/**
 * Removes what a crash left (files that no record refers to, parts of uploads that are over) and uploads that nobody
 * completed in time. Safe at any moment: it reads records after it found a file, and a file that is being written is
 * known to this process.
 */
export async function sweep(
  parts: { store: Store; clock: Clock; bytes: ByteStore; holds: Holds; uploads: Uploads },
  { uploadRetentionMs = UPLOAD_RETENTION_MS }: { uploadRetentionMs?: number } = {},
): Promise<Swept> {
  const { store, clock, bytes, holds, uploads } = parts;
  let abandoned = 0;
  const alive = new Set<string>();
  for await (const { name, value } of records<UploadRecord>(store, kinds.upload)) {
    if (clock.now() - value.initiatedAt <= uploadRetentionMs) {
      alive.add(value.uploadId);
      continue;
    }
    await uploads.abort({ bucket: name.slice(0, name.indexOf("/")), key: keyOfName(name), uploadId: value.uploadId });
    abandoned++;
  }
  const over = new Set<string>();
  for await (const { name } of records<PartRecord>(store, kinds.part)) {
    const uploadId = name.slice(0, name.indexOf("/"));
    if (!alive.has(uploadId)) over.add(uploadId);
  }
  for (const uploadId of over) {
    // It may have begun since the list above was made.
    if (!(await begunMeanwhile(store, uploadId))) await uploads.dropParts(uploadId);
  }
  let removed = 0;
  for await (const id of bytes.files.settled()) {
    if (holds.isHeld(id) || (await store.get(bytesKey(id)))) continue;
    if (await areBytesHeld(store)) break;
    await bytes.files.remove(id);
    removed++;
  }
  // Written out while the object was being deleted.
  for (const id of bytes.writtenOut()) if (!holds.isHeld(id)) await bytes.eraseUnreferenced(id);
  return { files: removed, uploads: abandoned };
}

async function begunMeanwhile(store: Store, uploadId: string): Promise<boolean> {
  for await (const { value } of records<UploadRecord>(store, kinds.upload))
    if (value.uploadId === uploadId) return true;
  return false;
}

async function* records<Value>(store: Store, kind: string): AsyncGenerator<{ name: string; value: Value }> {
  let token: string | undefined;
  do {
    const page = await store.list<Value>({ kind, account: "", region: "", limit: 1000, ...(token && { token }) });
    yield* page.records;
    token = page.next;
  } while (token);
}
