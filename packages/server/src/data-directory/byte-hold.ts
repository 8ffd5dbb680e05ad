import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Store } from "../store/store.ts";
import { DataDirectoryError } from "./errors.ts";
import { objectBytesLease } from "./object-bytes-lease.ts";

const leaseMs = 60_000;
const renewMs = 15_000;

/** Keeps every object's bytes where they are while it is held. */
export interface ByteHold {
  /** @throws DataDirectoryError when the hold was lost, so that bytes may be missing. */
  check(): void;
  release(): Promise<void>;
}

/** From here on nobody removes object bytes that a record referred to. @throws DataDirectoryError after `waitMs`. */
export async function holdBytes(store: Store, waitMs = 120_000): Promise<ByteHold> {
  const owner = `backup-${randomUUID()}`;
  const until = Date.now() + waitMs;
  while (!(await store.acquireLease(objectBytesLease, owner, leaseMs))) {
    if (Date.now() > until) throw new DataDirectoryError("Another backup is still under way; try again later.");
    await delay(100);
  }
  let isLost = false;
  const renewal = setInterval(() => {
    store.acquireLease(objectBytesLease, owner, leaseMs).then(
      (lease) => {
        if (!lease) isLost = true;
      },
      () => {
        isLost = true;
      },
    );
  }, renewMs);
  return {
    check() {
      if (isLost) throw new DataDirectoryError("The hold on the objects was lost; the backup is not whole. Try again.");
    },
    async release() {
      clearInterval(renewal);
      await store.releaseLease(objectBytesLease, owner);
    },
  };
}
