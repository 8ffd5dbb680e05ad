import type { RecordKey, Store } from "../../../store/store.ts";
import { trainingJobKind } from "../training-job/training-job.ts";
import { tuningJobKind } from "./tuning-job.ts";

/** Has a tuning job looked at when one of its training jobs changes: their names begin with its own. @returns Stops. */
export function wakeTuningJobs(store: Store, wake: (key: RecordKey) => void): () => void {
  return store.watch([trainingJobKind], ({ account, region, name }) => {
    const [, tuningJob] = /^(.{1,32})-\d{3,5}-[0-9a-f]{8}$/.exec(name) ?? [];
    if (tuningJob !== undefined) wake({ account, region, kind: tuningJobKind, name: tuningJob });
  });
}
