import type { Store } from "../store/store.ts";

/** The lease that a backup holds from before its snapshot of the records until it has copied the bytes they refer to. */
export const objectBytesLease = "object-bytes";

/**
 * Whether object bytes must stay where they are because a backup may still copy them. Whoever removes bytes that a
 * record referred to asks this after the change of the record is committed, and leaves the bytes to a later sweep when
 * the answer is yes.
 *
 * Asking is enough, without taking the lease: a snapshot that still has the record was taken before the change was
 * committed, and the lease before the snapshot, so the question comes after the lease and sees it.
 */
export async function areBytesHeld(store: Store): Promise<boolean> {
  return (await store.getLease(objectBytesLease)) !== undefined;
}
