import type { Scope } from "../../scope.ts";
import type { Store, Write } from "../../store/store.ts";
import { type LogGroup, type LogStream, logGroupKey, logStreamKey } from "./log-records.ts";

/**
 * The writes that make a stream, and its group where that is missing: for a transaction that writes more. Repeating
 * them changes nothing.
 */
export async function streamWrites(store: Store, scope: Scope, stream: LogStream): Promise<Write[]> {
  const groupKey = logGroupKey(scope, stream.group);
  const group: LogGroup = { group: stream.group };
  const writes: Write[] = [{ op: "put", key: logStreamKey(scope, stream.group, stream.stream), value: stream }];
  // `put`, not `create`: two jobs may make the group at the same time, and neither may fail for it.
  if (!(await store.get(groupKey))) writes.unshift({ op: "put", key: groupKey, value: group });
  return writes;
}

/**
 * Makes a stream that readers of the group will see, unless it is there. Idempotent.
 * @param file - Where its lines are appended, relative to the data directory's `logs`.
 */
export async function ensureStream(
  store: Store,
  scope: Scope,
  group: string,
  stream: string,
  file: string,
): Promise<void> {
  if (await store.get(logStreamKey(scope, group, stream))) return;
  await store.write(await streamWrites(store, scope, { group, stream, file }));
}
