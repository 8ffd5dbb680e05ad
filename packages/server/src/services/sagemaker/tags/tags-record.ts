import type { Scope } from "../../../scope.ts";
import type { RecordKey, Store, Write } from "../../../store/store.ts";

/** Tags of one resource; the record's name is the resource's ARN. */
export interface TagsRecord {
  readonly tags: Readonly<Record<string, string>>;
}

/** Where the tags of a resource are kept. */
export function tagsKey(scope: Scope, arn: string): RecordKey {
  return { account: scope.account, region: scope.region, kind: "tags", name: arn };
}

/**
 * The write that belongs into the transaction that creates a resource. It is made for resources without tags too, and it
 * is refused where the ARN is taken: ARNs are in lower case, so names that differ only in case cannot live side by side,
 * and a second one would take over the tags of the first.
 */
export function initialTags(
  scope: Scope,
  arn: string,
  tags: readonly { readonly Key: string; readonly Value: string }[] | undefined,
): Write {
  const value: TagsRecord = { tags: Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key, Value])) };
  return { op: "create", key: tagsKey(scope, arn), value };
}

/** The tags of a resource, by key; none for one that is not there. */
export async function readTags(store: Store, scope: Scope, arn: string): Promise<{ Key: string; Value: string }[]> {
  const record = await store.get<TagsRecord>(tagsKey(scope, arn));
  return Object.entries(record?.value.tags ?? {})
    .map(([Key, Value]) => ({ Key, Value }))
    .sort((a, b) => (a.Key < b.Key ? -1 : 1));
}

/** The writes that belong into the transaction that deletes a resource. */
export async function dropTags(store: Store, scope: Scope, arn: string): Promise<Write[]> {
  const key = tagsKey(scope, arn);
  return (await store.get(key)) ? [{ op: "delete", key }] : [];
}
