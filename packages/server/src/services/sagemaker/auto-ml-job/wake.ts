import type { RecordKey, Store } from "../../../store/store.ts";
import { trainingJobKind } from "../training-job/training-job.ts";
import { autoMLJobKind } from "./auto-ml-job.ts";
import { ownerName } from "./child-requests.ts";

/** Has an Autopilot job looked at when one of its training jobs changes: their names begin with its own. @returns Stops. */
export function wakeAutoMLJobs(store: Store, wake: (key: RecordKey) => void): () => void {
  return store.watch([trainingJobKind], ({ account, region, name }) => {
    const owner = ownerName(name);
    if (owner !== undefined) wake({ account, region, kind: autoMLJobKind, name: owner });
  });
}
