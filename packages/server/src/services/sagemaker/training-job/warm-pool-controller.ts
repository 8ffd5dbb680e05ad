import type { Clock } from "../../../clock.ts";
import type { DataDirectory } from "../../../data-directory.ts";
import { again, type Controller, done, type Outcome } from "../../../reconcile/reconcile.ts";
import { type Store, WriteConflict } from "../../../store/store.ts";
import { isAvailable } from "./warm-pool.ts";
import { removeCaches } from "./warm-pool-cache.ts";
import { leaverOf, poolEnded, type WarmPool, type WarmPoolRecord, warmPoolKind } from "./warm-pool-records.ts";

/** What pools are ended with. */
interface WarmPoolWorld {
  readonly store: Store;
  readonly dataDirectory: DataDirectory;
  readonly clock: Clock;
}

/** The longest a pool goes unobserved: the clock may be set. */
const safetyNetMs = 60_000;

/** Ends warm pools whose time is up, and removes their caches. */
export function warmPoolController({ store, dataDirectory, clock }: WarmPoolWorld): Controller<WarmPool> {
  const reconcile = async (pool: WarmPoolRecord): Promise<Outcome> => {
    const { account, region, kind, name, version, value, status } = pool;
    const key = { account, region, kind, name };
    try {
      if (status !== poolEnded) {
        const now = clock.now();
        const leaver = await leaverOf(store, pool);
        if (leaver?.value.leftPool && isAvailable(leaver, now)) {
          return again(Math.min(leaver.value.leftPool.until - now, safetyNetMs));
        }
        // First of all nobody takes it any more; only then is anything removed.
        await store.write([{ op: "update", key, version, value, status: poolEnded }]);
        return again(0);
      }
      await removeCaches(dataDirectory, value.folder);
      await store.write([{ op: "delete", key, version }]);
      return done;
    } catch (error) {
      // Taken or changed meanwhile: look at it anew.
      if (error instanceof WriteConflict) return again(0);
      throw error;
    }
  };
  return { kind: warmPoolKind, reconcile, finalStatuses: [], concurrency: 2 };
}
